import type { Brand } from '../../base/brand.ts';
import { MeshError, quoted } from '../../base/errors.ts';

/** `HOST:PORT`; IPv6 hosts stand in brackets. Where a node may be found: a hint, never an identity. */
export type Address = Brand<string, 'Address'>;

const FORM = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9]([A-Za-z0-9.-]{0,252}))):([0-9]{1,5})$/;

/** @throws ERR_INPUT unless `text` is a host and a port from 1 to 65535. */
export function parseAddress(text: string): Address {
  splitAddress(text);
  return text as Address;
}

/** @throws ERR_INPUT unless `text` is a host and a port; port 0 (any free one) only where `portMin` is 0. */
export function splitAddress(text: string, portMin: 0 | 1 = 1): { host: string; port: number } {
  const match = FORM.exec(text);
  const port = Number(match?.[4]);
  if (match === null || !(port >= portMin && port <= 65_535))
    throw new MeshError(
      'ERR_INPUT',
      `address ${quoted(text)}, expected HOST:PORT with a port from ${portMin} to 65535`,
    );
  return { host: (match[1] ?? match[2]) as string, port };
}

/** `host:port`; an IPv6 address in brackets. Nothing is checked: for addresses that the system told. */
export function formatAddress(host: string, port: number): Address {
  return (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`) as Address;
}
