import type { Brand } from '../base/brand.ts';
import { type Bytes, toBase32 } from '../base/bytes.ts';
import { MeshError, quoted } from '../base/errors.ts';
import { sha256 } from '../crypto/hash.ts';

/** A node's name in its mesh: a DNS label, lower case. By default derived from the identity key. */
export type NodeId = Brand<string, 'NodeId'>;

/** 63 octets at most (RFC 1035 section 2.3.4). */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** 256 bits in base32 leave four bits over in the last character, which must be zero: only `a` and `q` end such an id. */
const KEY_DERIVED = /^[a-z2-7]{51}[aq]$/;

/**
 * Names that would speak for somebody else: `authority.MESH` is the authority's own DNS name, and `broadcast` is an
 * address. No ticket grants them, no certificate may carry them (T15).
 */
const RESERVED: ReadonlySet<string> = new Set(['authority', 'broadcast']);

/** @throws ERR_NODE_ID for anything but a DNS label in lower case, and for the reserved names. */
export function parseNodeId(text: string): NodeId {
  if (!LABEL.test(text)) throw new MeshError('ERR_NODE_ID', `node id ${quoted(text)} is not a DNS label in lower case`);
  if (RESERVED.has(text)) throw new MeshError('ERR_NODE_ID', `node id ${quoted(text)} is reserved`);
  return text as NodeId;
}

/** The id of an identity key: lower-case base32 of SHA-256 of its SubjectPublicKeyInfo, 52 characters. */
export function nodeIdOfSpki(spki: Bytes): NodeId {
  return nodeIdOfKeyHash(sha256(spki));
}

/** As {@link nodeIdOfSpki}, from the hash. */
export function nodeIdOfKeyHash(spkiHash: Bytes): NodeId {
  return toBase32(spkiHash) as NodeId;
}

/**
 * True for an id of the form that {@link nodeIdOfSpki} gives. Such an id belongs to one key for ever; no ticket may
 * grant it as a chosen name.
 */
export function isKeyDerivedNodeId(id: string): boolean {
  return KEY_DERIVED.test(id);
}

/** True for `0x` and an address: the origin of what a wallet's delegates say, which no node may be called. */
export function isWalletNodeId(id: string): boolean {
  return /^0x[0-9a-f]{40}$/.test(id);
}
