import { type Bytes, concatBytes, EMPTY, utf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { sha256Hex } from '../../crypto/hash.ts';
import { ALGORITHM_NAMES, type RequestAlgorithm } from './algorithm.ts';
import { type CredentialScope, formatScope, parseTimestamp } from './credential-scope.ts';
import { malformed } from './http-request.ts';
import { type RequestSigner, signText, type VerifyingKey, verifyText } from './request-signature.ts';

/** Pieces of one signature chain that are read from a file: a gigabyte in chunks of 64 KiB, as AWS's clients cut it. */
export const SIGNED_PIECES_MAX = 16_384;

/** Signatures of ECDSA have 70 to 72 bytes of DER; on the wire their hex is filled up with this, so that lengths are known. */
const PADDING = '*';
const PADDED_CHARS = 144;

/** One piece of a stream, each signed together with the signature before it. */
export type SignedPiece = { readonly timestamp: string } & (
  | { readonly kind: 'chunk'; readonly payload: Bytes }
  /** The headers behind the last chunk: `name:value\n` for each, in order. */
  | { readonly kind: 'trailer'; readonly text: string }
  /** A message of an event stream; `headers` in its encoding, by default {@link eventDateHeader}. */
  | { readonly kind: 'event'; readonly headers: Bytes | undefined; readonly payload: Bytes }
);

/** Where a signature chain begins. */
export interface ChainStart {
  readonly algorithm: RequestAlgorithm;
  readonly scope: CredentialScope;
  /** Of the request that opened it; lower-case hex. */
  readonly priorSignature: string;
}

/**
 * Follows a chain piece by piece: each signature covers the one before, so that no piece can be left out, doubled or
 * moved. Nothing may follow the empty piece that ends it, but a trailer.
 */
export class SignatureChain {
  readonly #start: ChainStart;
  #prior: string;
  #state: 'open' | 'ended' | 'closed' = 'open';

  constructor(start: ChainStart) {
    this.#start = start;
    this.#prior = start.priorSignature;
  }

  /** Whether the end has come. Before it, pieces may be missing. */
  get isComplete(): boolean {
    return this.#state !== 'open';
  }

  /** The signature that the next piece gets. @throws ERR_REQUEST_MALFORMED */
  async sign(signer: RequestSigner, item: SignedPiece): Promise<string> {
    const text = this.#textOf(item);
    const signature = await signText(signer, this.#start.scope, text);
    this.#follow(item, signature);
    return signature;
  }

  /**
   * Takes the next piece where its signature is right; else the chain stays where it is.
   * @param signature lower-case hex; that of ECDSA may be filled up to 144 characters with `*`.
   * @returns it, without what it was filled up with.
   * @throws ERR_REQUEST_SIGNATURE, ERR_REQUEST_MALFORMED
   */
  verify(key: VerifyingKey, item: SignedPiece, signature: string): string {
    const text = this.#textOf(item);
    const plain = withoutPadding(signature);
    if (!/^(?:[0-9a-f]{2}){1,72}$/.test(plain)) throw malformed('signature of a piece is not lower-case hex');
    if (key.algorithm !== this.#start.algorithm || !verifyText(key, this.#start.scope, text, plain))
      throw new MeshError('ERR_REQUEST_SIGNATURE', `the signature is not of this ${item.kind} at this place`);
    this.#follow(item, plain);
    return plain;
  }

  #textOf(item: SignedPiece): string {
    const { algorithm, scope } = this.#start;
    parseTimestamp(item.timestamp); // of any day: a stream that runs over midnight keeps the scope of its opening
    if (this.#state === 'closed' || (this.#state === 'ended' && item.kind !== 'trailer'))
      throw malformed(`a ${item.kind} follows the end of the chain`);
    const purpose = item.kind === 'trailer' ? 'TRAILER' : 'PAYLOAD';
    return [
      `${ALGORITHM_NAMES[algorithm]}-${purpose}`,
      item.timestamp,
      formatScope(scope),
      this.#prior,
      ...hashesOf(item),
    ].join('\n');
  }

  #follow(item: SignedPiece, signature: string): void {
    this.#prior = signature;
    if (item.kind === 'trailer') this.#state = 'closed';
    else if (item.payload.length === 0) this.#state = item.kind === 'chunk' ? 'ended' : 'closed';
  }
}

/** The only header of most events, in their encoding: `05 ":date" 08 i64-BE(milliseconds)`. */
export function eventDateHeader(timestamp: string): Bytes {
  const at = new Uint8Array(8);
  new DataView(at.buffer).setBigInt64(0, BigInt(parseTimestamp(timestamp)));
  return concatBytes(Uint8Array.of(5), utf8(':date'), Uint8Array.of(8), at);
}

function withoutPadding(signature: string): string {
  const end = signature.indexOf(PADDING);
  const isPadded = end >= 0 && signature.length === PADDED_CHARS && /^\*+$/.test(signature.slice(end));
  return isPadded ? signature.slice(0, end) : signature;
}

function hashesOf(item: SignedPiece): readonly string[] {
  switch (item.kind) {
    case 'chunk':
      return [sha256Hex(EMPTY), sha256Hex(item.payload)];
    case 'trailer':
      return [sha256Hex(item.text)];
    case 'event':
      return [sha256Hex(item.headers ?? eventDateHeader(item.timestamp)), sha256Hex(item.payload)];
  }
}
