import { BoundedMap } from '../base/bounded.ts';
import type { Bytes } from '../base/bytes.ts';
import { decodeHeader, decodePlace, type MessagePlace, PLACE_BYTES, placeIn, type SignerHeader } from './header.ts';
import { type StreamKey, streamOf } from './message-id.ts';

/** Headers that are remembered: what as many authors say in one kind of message. 1,024 × about 700 B = 700 KB. */
export const HEADERS_REMEMBERED_MAX = 1_024;

/** What a header says, its parts shared with those of other messages of its signer. */
export interface ReadHeader {
  readonly signer: SignerHeader;
  readonly place: MessagePlace;
  readonly stream: StreamKey;
}

interface Remembered {
  /** What stands before the place, and behind it. */
  readonly before: Bytes;
  readonly behind: Bytes;
  readonly signer: SignerHeader;
  /** Of the message that was read last. */
  incarnation: number;
  stream: StreamKey;
}

/**
 * Reads protected headers. Those of one signer differ in time and counter alone, so what else they say is decoded once,
 * and its texts are held once, however many messages of it are.
 */
export class HeaderMemory {
  readonly #remembered = new BoundedMap<number, Remembered>(HEADERS_REMEMBERED_MAX);

  /** @throws as {@link decodeHeader}. */
  read(bytes: Bytes): ReadHeader {
    const at = placeIn(bytes);
    const key = at < 0 ? -1 : keyOf(bytes, at);
    const known = at < 0 ? undefined : this.#remembered.peek(key);
    if (known !== undefined && isLike(bytes, at, known)) {
      const place = decodePlace(bytes, at);
      if (place.incarnation !== known.incarnation) {
        known.incarnation = place.incarnation;
        known.stream = streamOf(known.signer, place.incarnation);
      }
      return { signer: known.signer, place, stream: known.stream };
    }
    const { signer: read, place } = decodeHeader(bytes);
    // Messages are views of what the socket gave; what is remembered must not keep all of that.
    const signer = { ...read, voucherHash: read.voucherHash.slice() };
    const stream = streamOf(signer, place.incarnation);
    if (at >= 0 && signer.delegate?.statement === undefined) {
      const [before, behind] = [bytes.slice(0, at), bytes.slice(at + PLACE_BYTES)];
      this.#remembered.set(key, { before, behind, signer, incarnation: place.incarnation, stream });
    }
    return { signer, place, stream };
  }
}

/**
 * Bytes of the certificate's hash and of the type, and how long both parts are. Headers with the same key push each other
 * out, so that they are read as any other; nobody gains by making such.
 */
function keyOf(bytes: Bytes, at: number): number {
  const behind = at + PLACE_BYTES;
  const end = bytes.length;
  const hash = byte(bytes, behind + 6) | (byte(bytes, behind + 7) << 8) | (byte(bytes, behind + 8) << 16);
  const type = byte(bytes, end - 1) | (byte(bytes, end - 2) << 8) | (byte(bytes, end - 3) << 16);
  return (hash ^ Math.imul(type + end + (at << 8), 0x9e37_79b1)) & 0x3fff_ffff;
}

function byte(bytes: Bytes, at: number): number {
  return bytes[at] ?? 0;
}

function isLike(bytes: Bytes, at: number, { before, behind }: Remembered): boolean {
  if (before.length !== at || behind.length !== bytes.length - at - PLACE_BYTES) return false;
  for (let i = 0; i < at; i++) if (bytes[i] !== before[i]) return false;
  for (let i = 0, j = at + PLACE_BYTES; i < behind.length; i++, j++) if (bytes[j] !== behind[i]) return false;
  return true;
}
