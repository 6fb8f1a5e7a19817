import { HELLO_ADDRESSES_MAX } from '../../engine/links/frame.ts';
import { type Address, formatAddress, parseAddress } from '../../message/payloads/address.ts';
import { isWildcard, outerAddresses } from '../../host/machine/interfaces.ts';
import type { NodeConfig } from './config.ts';

/** Where others reach a node that listens on this host: as configured, the address itself, or those of all interfaces. */
export function addressesOf(
  { advertise }: Pick<NodeConfig, 'advertise'>,
  host: string,
  port: number,
): readonly Address[] {
  if (advertise !== undefined) return advertise.map(parseAddress);
  if (!isWildcard(host)) return [formatAddress(host, port)];
  return outerAddresses(host === '::' ? ['IPv4', 'IPv6'] : ['IPv4'])
    .slice(0, HELLO_ADDRESSES_MAX)
    .map((address) => formatAddress(address, port));
}

/** IPv4 addresses of the interfaces on which a node that listens on this host can be reached. */
export function multicastInterfacesOf(host: string): readonly string[] {
  if (isWildcard(host)) return outerAddresses(['IPv4']);
  return host.includes(':') ? [] : [host];
}
