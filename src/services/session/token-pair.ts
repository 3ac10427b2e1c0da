/** The `tokens` object of the API. */
export interface TokenPair {
  readonly token_type: 'Bearer';
  readonly access_token: string;
  readonly access_token_expires_at: string;
  readonly refresh_token: string;
  readonly refresh_token_expires_at: string;
  readonly session_id: string;
}
