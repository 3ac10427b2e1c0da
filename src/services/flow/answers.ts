import type { TokenPair } from '../session/token-pair.ts';
import type { UserView } from '../user/view.ts';

/** What every step of a flow answers with: `status` says which, so a client is one `switch`. */
export type FlowAnswer =
  | { readonly status: 'registered'; readonly user: UserView }
  | { readonly status: 'authenticated'; readonly user: UserView; readonly tokens: TokenPair }
  | {
      readonly status: 'verification_required';
      readonly flow_token: string;
      readonly expires_at: string;
      readonly delivery: { readonly channel: 'email'; readonly to: string };
    }
  | {
      readonly status: 'two_factor_required';
      readonly flow_token: string;
      readonly expires_at: string;
      readonly methods: ('totp' | 'recovery_code')[];
    }
  | { readonly status: 'code_sent'; readonly flow_token: string; readonly expires_at: string }
  | {
      readonly status: 'reset_authorized';
      readonly flow_token: string;
      readonly expires_at: string;
    }
  | { readonly status: 'password_reset'; readonly sessions_revoked: number };

/** An address as a bystander may see it: the first character, then the domain. */
export function maskEmail(email: string): string {
  const at = email.indexOf('@');
  return `${email.slice(0, 1)}•••${email.slice(at)}`;
}

/** The answer to a request for a code, whether or not one was mailed. */
export function codeSent(flow: { token: string; expiresAt: Date }) {
  return {
    status: 'code_sent',
    flow_token: flow.token,
    expires_at: flow.expiresAt.toISOString(),
  } as const satisfies FlowAnswer;
}

/** The answer of a registration or sign-in that a mailed code is to finish. */
export function verificationRequired(flow: { token: string; expiresAt: Date }, email: string) {
  return {
    status: 'verification_required',
    flow_token: flow.token,
    expires_at: flow.expiresAt.toISOString(),
    delivery: { channel: 'email', to: maskEmail(email) },
  } as const satisfies FlowAnswer;
}
