import { type Bytes, EMPTY, isAt } from '../../base/bytes.ts';
import type { Message } from '../../message/message.ts';
import { PUSH_WHOLE_BYTES_MAX } from '../gossip/gossip.ts';

/** Messages whose echoes are told by their bytes: one second of a busy mesh, which is how long copies keep coming. */
export const ECHOES_MAX = 1_024;
/** What their bytes may take, all together: so many as that of usual size, with the path of a batch. */
export const ECHOES_BYTES_MAX = 768 * 1_024;
/** With so many it begins, and doubles as it fills: most nodes of a quiet mesh, and of a simulated one, need no more. @tuning */
const FIRST_BYTES = 4 * 1_024;
/** Larger messages are offered by key and asked for once, so they have no echoes. */
export const ECHO_BYTES_MAX = PUSH_WHOLE_BYTES_MAX;

/** A quarter full at most, so that nearly every message has its own. A power of two. */
const SLOTS = 4 * ECHOES_MAX;
/**
 * Slots that are looked at. Whoever makes messages with equal keys makes them echoes that are read once more, and nothing
 * slower. @tuning
 */
const PROBES = 32;

/** In place of an echo where there is none. */
export const NO_ECHO = -1;

/**
 * Messages that came lately, to tell copies of them before anything is read. Two of three messages that arrive are copies,
 * hence a table of our own: one small array tells that there is none, and only what is found is looked at. It keeps copies
 * of the bytes, side by side: what a socket gave is so free to go when the message has been written.
 */
export class Echoes {
  /** The latest, in a ring: where their bytes lie, what they say, and their keys. */
  readonly #starts = new Int32Array(ECHOES_MAX);
  readonly #lengths = new Int32Array(ECHOES_MAX);
  readonly #contentKeys: string[] = [];
  readonly #heldAt = new Float64Array(ECHOES_MAX);
  readonly #keys = new Int32Array(ECHOES_MAX);
  /** One after the other; what does not fit in at the end stands at the start again. Grows as it is needed. */
  #bytes: Bytes = EMPTY;
  #view = new DataView(EMPTY.buffer);
  #end = 0;
  #count = 0;
  /** Places in the ring plus one, by key; 0 is free. What finds its slot taken lies in one of the next. */
  readonly #slots = new Uint16Array(SLOTS);
  #next = 0;

  add({ bytes, contentKey }: Message): void {
    if (bytes.length > ECHO_BYTES_MAX) return;
    const key = keyOf(bytes);
    for (let slot = slotOf(key), left = PROBES; left > 0; slot = (slot + 1) % SLOTS, left--) {
      if (this.#slots[slot] !== 0) continue;
      if (this.#count === ECHOES_MAX) this.#forgetOldest();
      const place = this.#next;
      this.#next = (place + 1) % ECHOES_MAX;
      this.#count++;
      this.#lengths[place] = bytes.length;
      this.#starts[place] = this.#put(bytes);
      this.#contentKeys[place] = contentKey;
      this.#heldAt[place] = -1;
      this.#keys[place] = key;
      this.#slots[slot] = place + 1;
      return;
    }
  }

  /** The message of which these are the very bytes, if it came lately; else {@link NO_ECHO}. */
  find(bytes: Bytes): number {
    const key = keyOf(bytes);
    for (let slot = slotOf(key), left = PROBES; left > 0; slot = (slot + 1) % SLOTS, left--) {
      const place = (this.#slots[slot] as number) - 1;
      if (place < 0 || this.#keys[place] !== key) continue;
      if (this.#lengths[place] !== bytes.length) continue;
      if (isAt(this.#view, this.#starts[place] as number, bytes)) return place;
    }
    return NO_ECHO;
  }

  contentKeyOf(echo: number): string {
    return this.#contentKeys[echo] as string;
  }

  /** As of which state of what is held it was found to be held. */
  heldAt(echo: number): number {
    return this.#heldAt[echo] as number;
  }

  noteHeld(echo: number, at: number): void {
    this.#heldAt[echo] = at;
  }

  /** @returns where the bytes stand; the oldest make room. The message is counted already. */
  #put(bytes: Bytes): number {
    let start = this.#end;
    if (start + bytes.length > ECHOES_BYTES_MAX) {
      while (this.#count > 1 && this.#oldestStart >= start) this.#forgetOldest();
      start = 0;
    }
    const end = start + bytes.length;
    while (this.#count > 1 && this.#oldestStart >= start && this.#oldestStart < end) this.#forgetOldest();
    if (end > this.#bytes.length) this.#growTo(end);
    this.#bytes.set(bytes, start);
    this.#end = end;
    return start;
  }

  #growTo(bytesMin: number): void {
    const grown = new Uint8Array(Math.min(ECHOES_BYTES_MAX, Math.max(FIRST_BYTES, 2 * bytesMin)));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  get #oldest(): number {
    return (this.#next - this.#count + ECHOES_MAX) % ECHOES_MAX;
  }

  get #oldestStart(): number {
    return this.#starts[this.#oldest] as number;
  }

  #forgetOldest(): void {
    this.#vacate(this.#oldest);
    this.#count--;
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
