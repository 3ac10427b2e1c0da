import { AppError } from '../errors.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** The few calls a benchmark needs to set its scene. Slow and plain: nothing here is measured. */
export interface ApiClient {
  register(email: string, password: string): Promise<ApiAnswer>;
  /** @throws AppError `internal` where the login does not end in tokens */
  login(email: string, password: string): Promise<Tokens>;
}

export function createApiClient(url: string): ApiClient {
  async function post(path: string, body: unknown): Promise<ApiAnswer> {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).catch((cause: unknown) => {
      throw new AppError('dependency_unreachable', {
        text: `Nothing answers at ${url}.`,
        hint: 'start the appliance (authctl serve), or leave out --url to measure a throwaway one',
        cause,
      });
    });
    const text = await response.text();
    return {
      status: response.status,
      body: text === '' ? {} : (JSON.parse(text) as ApiAnswer['body']),
    };
  }

  return {
    register: (email, password) => post('/v1/register', { email, password }),
    async login(email, password) {
      const { status, body } = await post('/v1/login', { email, password });
      const tokens = body['tokens'] as Readonly<Record<string, unknown>> | undefined;
      const accessToken = tokens?.['access_token'];
      const refreshToken = tokens?.['refresh_token'];
      if (typeof accessToken === 'string' && typeof refreshToken === 'string')
        return { accessToken, refreshToken };
      throw new AppError('internal', { text: `A login to set the scene was answered ${status}.` });
    },
  };
}
