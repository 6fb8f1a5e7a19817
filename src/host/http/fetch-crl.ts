import type { Bytes } from '../../base/bytes.ts';
import { CRL_BYTES_MAX } from '../../pki/x509/crl/crl.ts';
import { refusalOf } from './call.ts';
import { type ClientAnswer, type ClientRequestOptions, exchange, type TlsTarget } from './client.ts';

/** How to know an authority; the URL of its list says where it is. */
export type CrlAuthority = Omit<TlsTarget, 'endpoint'>;

export type FetchCrlOptions = Pick<ClientRequestOptions, 'timeoutMs' | 'signal' | 'connection'>;

export interface FetchedCrl {
  readonly der: Bytes;
  readonly etag: string | undefined;
}

/**
 * Fetches an authority's revocation list, as it comes: who asked judges it.
 * @throws what the authority refused with; ERR_UNREACHABLE; ERR_REMOTE for another status, or a list that is too long.
 */
export async function fetchCrl(authority: CrlAuthority, url: string, options: FetchCrlOptions = {}): Promise<Bytes> {
  const answer = await ask(authority, url, options, {});
  if (answer.status !== 200) throw refusalOf(answer, url);
  return answer.body;
}

/**
 * As {@link fetchCrl}, where it is not known yet.
 * @param etag of the list that was fetched last; `undefined` where none was.
 * @returns `undefined` where that is still the newest.
 */
export async function fetchChangedCrl(
  authority: CrlAuthority,
  url: string,
  etag: string | undefined,
  options: FetchCrlOptions,
): Promise<FetchedCrl | undefined> {
  const answer = await ask(authority, url, options, etag === undefined ? {} : { 'if-none-match': etag });
  if (answer.status === 304) return undefined;
  if (answer.status !== 200) throw refusalOf(answer, url);
  return { der: answer.body, etag: answer.headers.etag };
}

function ask(
  authority: CrlAuthority,
  url: string,
  options: FetchCrlOptions,
  condition: Readonly<Record<string, string>>,
): Promise<ClientAnswer> {
  const { origin, pathname, search } = new URL(url);
  return exchange(
    { ...authority, endpoint: origin },
    {
      ...options,
      method: 'GET',
      path: `${pathname}${search}`,
      headers: { accept: 'application/pkix-crl', ...condition },
      bodyBytesMax: CRL_BYTES_MAX,
    },
  );
}
