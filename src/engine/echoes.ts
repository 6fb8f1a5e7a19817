import { type Bytes, bytesEqual } from '../base/bytes.ts';
import type { Message } from '../message/message.ts';
import { PUSH_WHOLE_BYTES_MAX } from './gossip.ts';

/**
 * Messages whose echoes are told by their bytes: one second of a busy mesh, which is how long copies keep coming. 1,024
 * × {@link ECHO_BYTES_MAX} = 1.5 MB; at the very most the TLS record that each came in, 16 MB.
 */
export const ECHOES_MAX = 1_024;
/** Larger messages are offered by key and asked for once, so they have no echoes. */
export const ECHO_BYTES_MAX = PUSH_WHOLE_BYTES_MAX;

/** A quarter full at most, so that nearly every message has its own. A power of two. */
const SLOTS = 4 * ECHOES_MAX;
/**
 * Slots that are looked at. Whoever makes messages with equal keys makes them echoes that are read once more, and nothing
 * slower. @tuning
 */
const PROBES = 32;

/** A message as it came, and what it says. */
export interface Echo {
  readonly bytes: Bytes;
  readonly contentKey: string;
  /** As of which state of what is held it was found to be held. */
  heldAt: number;
}

/**
 * Messages that came lately, to tell copies of them before anything is read. Two of three messages that arrive are copies,
 * hence a table of our own: one small array tells that there is none, and only what is found is looked at.
 */
export class Echoes {
  /** The latest, in a ring, with their keys. */
  readonly #ring: (Echo | undefined)[] = Array.from({ length: ECHOES_MAX });
  readonly #keys = new Int32Array(ECHOES_MAX);
  /** Places in the ring plus one, by key; 0 is free. What finds its slot taken lies in one of the next. */
  readonly #slots = new Uint16Array(SLOTS);
  #next = 0;

  add({ bytes, contentKey }: Message): void {
    if (bytes.length > ECHO_BYTES_MAX) return;
    const key = keyOf(bytes);
    for (let slot = slotOf(key), left = PROBES; left > 0; slot = (slot + 1) % SLOTS, left--) {
      if (this.#slots[slot] !== 0) continue;
      const place = this.#next;
      this.#next = (place + 1) % ECHOES_MAX;
      if (this.#ring[place] !== undefined) this.#vacate(place);
      this.#ring[place] = { bytes, contentKey, heldAt: -1 };
      this.#keys[place] = key;
      this.#slots[slot] = place + 1;
      return;
    }
  }

  /** The message of which these are the very bytes, if it came lately. */
  find(bytes: Bytes): Echo | undefined {
    const key = keyOf(bytes);
    for (let slot = slotOf(key), left = PROBES; left > 0; slot = (slot + 1) % SLOTS, left--) {
      const place = (this.#slots[slot] as number) - 1;
      if (place < 0 || this.#keys[place] !== key) continue;
      const echo = this.#ring[place] as Echo;
      if (bytesEqual(echo.bytes, bytes)) return echo;
    }
    return undefined;
  }

  /** Frees the slot of a place: it is one of those behind its key's. */
  #vacate(place: number): void {
    let slot = slotOf(this.#keys[place] as number);
    while (this.#slots[slot] !== place + 1) slot = (slot + 1) % SLOTS;
    this.#slots[slot] = 0;
  }
}

function slotOf(key: number): number {
  return (key ^ (key >>> 16)) & (SLOTS - 1);
}

/** Behind the protected header stands the unprotected one: so many bytes from there a batch numbers its messages. */
const BATCH_INDEX_AT = 8;

/**
 * The end of the signature is as good as random; messages of one batch, which have it in common, differ in their number.
 * Equal keys prove nothing: the bytes are compared.
 */
function keyOf(bytes: Bytes): number {
  // d2 84, then the head of the protected header: 58 LENGTH, or 59 LENGTH LENGTH.
  const behind = bytes[2] === 0x58 ? 4 + at(bytes, 3) : 5 + (at(bytes, 3) << 8) + at(bytes, 4);
  return (wordAt(bytes, bytes.length - 4) ^ Math.imul(wordAt(bytes, behind + BATCH_INDEX_AT), 0x9e37_79b1)) | 0;
}

function wordAt(bytes: Bytes, from: number): number {
  return at(bytes, from) | (at(bytes, from + 1) << 8) | (at(bytes, from + 2) << 16) | (at(bytes, from + 3) << 24);
}

function at(bytes: Bytes, index: number): number {
  return index >= 0 && index < bytes.length ? (bytes[index] as number) : 0;
}
