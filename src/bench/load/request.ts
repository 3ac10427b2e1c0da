/**
 * A POST of JSON text as it goes over the wire.
 * @param body ASCII, so that its length in characters is its length in bytes
 */
export function postRequest(authority: string, path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: ${authority}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** A GET as it goes over the wire, with a Bearer token where one is given. */
export function getRequest(authority: string, path: string, token?: string): string {
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`;
  return `GET ${path} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`;
}
