import { MeshError } from '../base/errors.ts';
import type { StoredEvent } from '../ports/stream-store.ts';

/** Streams of one store. Wallets cost nothing, so who creates them cannot be what bounds them. */
export const EVENT_STREAMS_MAX = 100_000;

/** Events of one stream. Clients read a stream from its beginning, so it has to stay readable. */
export const STREAM_EVENTS_MAX = 10_000;

/** Octets of the events of one stream: with base64 an answer of 11 MB. */
export const STREAM_BYTES_MAX = 8 * 1024 * 1024;

/** Octets of all events of a store: what an ordinary disk has room for, so that strangers cannot fill it. */
export const STORE_BYTES_MAX = 16 * 1024 ** 3;

/** What one stream takes up. */
export interface StreamSize {
  readonly events: number;
  readonly bytes: number;
}

const NOTHING: StreamSize = { events: 0, bytes: 0 };

/** Keeps count of what a store holds, and of whether more has room. Asked before anything is kept, told after. */
export class StoreRoom {
  #streams: number;
  #bytes: number;

  constructor({ streams, bytes }: { readonly streams: number; readonly bytes: number }) {
    this.#streams = streams;
    this.#bytes = bytes;
  }

  /** That one more stream has room, with so many octets of events. @throws ERR_STREAM_FULL */
  checkStream(bytes: number): void {
    if (this.#streams >= EVENT_STREAMS_MAX) throw full(`the store has ${EVENT_STREAMS_MAX} streams`);
    this.checkEvent(NOTHING, bytes);
  }

  /** That one more event of so many octets has room in a stream. @throws ERR_STREAM_FULL */
  checkEvent(stream: StreamSize, bytes: number): void {
    if (stream.events >= STREAM_EVENTS_MAX) throw full(`the stream has ${STREAM_EVENTS_MAX} events`);
    if (stream.bytes + bytes > STREAM_BYTES_MAX) throw full(`the stream has ${STREAM_BYTES_MAX} bytes`);
    if (this.#bytes + bytes > STORE_BYTES_MAX) throw full(`the store has ${STORE_BYTES_MAX} bytes`);
  }

  addStream(bytes: number): void {
    this.#streams++;
    this.#bytes += bytes;
  }

  addEvent(bytes: number): void {
    this.#bytes += bytes;
  }
}

/** Octets that an event counts for, its hash and signature included. */
export function sizeOf({ hash, signature, event }: StoredEvent): number {
  return hash.length + signature.length + event.length;
}

function full(what: string): MeshError {
  return new MeshError('ERR_STREAM_FULL', `event has no room: ${what}`);
}
