import { bytesEqual } from '../../base/bytes.ts';
import { type Mailbox, splitMailbox } from '../x509/name/dns-name.ts';
import { parseIpAddress } from '../x509/name/ip-address.ts';
import type { ReadName } from './name-constraints.ts';

/** A name by which the caller wants to reach somebody. */
export interface PeerName {
  readonly kind: 'dns' | 'ip' | 'email';
  readonly value: string;
}

/**
 * True when one of a certificate's alternative names is this name (RFC 6125 section 6.4). The common name is never
 * looked at; a wildcard stands for exactly one first label.
 */
export function namesPeer(names: readonly ReadName[], { kind, value }: PeerName): boolean {
  switch (kind) {
    case 'dns': {
      const wanted = value.toLowerCase();
      return names.some((name) => name.tag === 'dns' && matchesDns(name.text, wanted));
    }
    case 'ip': {
      const wanted = parseIpAddress(value);
      return wanted !== undefined && names.some((name) => name.tag === 'ip' && bytesEqual(name.octets, wanted));
    }
    case 'email': {
      const wanted = splitMailbox(value);
      return wanted !== undefined && names.some((name) => name.tag === 'email' && isSameMailbox(name.mailbox, wanted));
    }
  }
}

function matchesDns(presented: string, wanted: string): boolean {
  if (!presented.startsWith('*.')) return presented === wanted;
  const dot = wanted.indexOf('.');
  return dot > 0 && wanted.slice(dot) === presented.slice(1);
}

function isSameMailbox(a: Mailbox | undefined, b: Mailbox): boolean {
  return a?.local === b.local && a.host === b.host;
}
