/**
 * Clients that are told apart where something is counted by client, as requests or refused tickets; the one not heard of
 * for longest is forgotten. 5,000 × ~200 B = 1 MB a count.
 */
export const CLIENTS_MAX = 5_000;

/**
 * Whom a connection or a request is counted against: the IPv4 address, or the first 64 bits of an IPv6 address, because one host
 * commands all of the rest.
 */
export function clientKeyOf(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return 'unknown';
  const mapped = /^::ffff:([0-9.]+)$/i.exec(remoteAddress);
  if (mapped !== null) return mapped[1] as string;
  if (!remoteAddress.includes(':')) return remoteAddress;
  const [head = '', tail] = (remoteAddress.split('%', 1)[0] as string).split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups =
    tail === undefined ? first : [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
