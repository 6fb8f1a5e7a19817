import type { Bytes } from '../../base/bytes.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Address } from '../../message/payloads/address.ts';
import type { StreamKey } from '../../message/message-id.ts';

/** Version of the link protocol (spec 04). */
export const LINK_VERSION = 1;

/** The protocol of links, as TLS names it (RFC 7301). Everything else on a node's port is HTTP. */
export const LINK_ALPN = 'dadm-mesh/1';

/** Largest frame: a message, a page of a digest or a piece of a CRL, with room. */
export const FRAME_BYTES_MAX = 64 * 1024;
/** Bytes of a CRL in one frame. */
export const CRL_PIECE_BYTES_MAX = 48 * 1024;
/** Content keys in one frame. */
export const KEYS_MAX = 512;
/** Streams in one page of a digest; fewer where authors left many gaps. */
export const DIGEST_STREAMS_MAX = 200;
/** Issuers whose CRL numbers are told: the root and a few intermediates while keys roll over. */
export const CRL_HEADERS_MAX = 8;
/** Chains asked for in one frame. */
export const CHAINS_ASKED_MAX = 32;
export const HELLO_ADDRESSES_MAX = 8;

/** Which list of which issuer a node has: what peers tell each other, so that a lag can be seen. */
export interface CrlHeader {
  /** SHA-256 of the issuer's SubjectPublicKeyInfo, hex. */
  readonly issuerKeyHash: string;
  readonly number: number;
  /** Unix seconds. */
  readonly thisUpdate: number;
}

/** What a digest says of one stream. */
export interface DigestStream {
  readonly key: StreamKey;
  /** `[start, end, ...]`, half-open. */
  readonly ranges: readonly number[];
}

export interface HelloFrame {
  readonly tag: 'hello';
  readonly version: number;
  readonly mesh: MeshName;
  readonly nodeId: NodeId;
  readonly software: string;
  readonly addresses: readonly Address[];
  readonly crls: readonly CrlHeader[];
  /** Highest incarnation that the sender holds of the receiver; 0 for none. */
  readonly heldIncarnation: number;
  /** Bytes of messages that the receiver may send before it is granted more. */
  readonly windowBytes: number;
}

/** Everything that travels on a link, besides the hello. One row a frame in spec 04. */
export type Frame =
  | HelloFrame
  | { readonly tag: 'message'; readonly bytes: Bytes }
  | { readonly tag: 'have'; readonly keys: readonly string[] }
  | { readonly tag: 'want'; readonly keys: readonly string[] }
  | { readonly tag: 'pull'; readonly id: number; readonly summary: string; readonly crls: readonly CrlHeader[] }
  | { readonly tag: 'pull-same'; readonly id: number }
  | { readonly tag: 'pull-differs'; readonly id: number }
  | {
      readonly tag: 'digest';
      readonly id: number;
      readonly from: string;
      readonly to: string;
      readonly last: boolean;
      readonly streams: readonly DigestStream[];
    }
  | { readonly tag: 'pull-done'; readonly id: number; readonly more: boolean }
  | { readonly tag: 'want-chains'; readonly voucherIds: readonly string[] }
  | { readonly tag: 'chain'; readonly certificates: readonly Bytes[] }
  | { readonly tag: 'delegate'; readonly statement: Bytes }
  | { readonly tag: 'crls'; readonly crls: readonly CrlHeader[] }
  | { readonly tag: 'want-crl'; readonly issuerKeyHash: string; readonly number: number; readonly offset: number }
  | {
      readonly tag: 'crl-piece';
      readonly issuerKeyHash: string;
      readonly number: number;
      readonly offset: number;
      readonly total: number;
      readonly bytes: Bytes;
    }
  | { readonly tag: 'credit'; readonly bytes: number }
  | { readonly tag: 'ping' }
  | { readonly tag: 'pong' }
  | { readonly tag: 'bye'; readonly reason: ByeReason };

export type FrameTag = Frame['tag'];

/** Why a side ends a link. */
export const BYE_REASONS = [
  'leaving',
  'full',
  'twin',
  'revoked',
  'misbehaved',
  'idle',
  'version',
  'mesh',
  'malformed',
] as const;
export type ByeReason = (typeof BYE_REASONS)[number];
