import type { Bytes } from '../base/bytes.ts';
import { CHUNK_BYTES_MAX, CHUNK_RECORDS_MAX, type MalformedRecord, type UnsignedChunk } from '../ports/record-store.ts';

/** Packs records one by one into an {@link UnsignedChunk}; stores use it as they read. */
export class ChunkBuilder<Handle> {
  readonly #handles: Handle[] = [];
  readonly #messages: Bytes[] = [];
  readonly #shardHashes: number[] = [];
  #malformed: MalformedRecord[] = [];
  #bytes = 0;
  #weight = 0;

  get isEmpty(): boolean {
    return this.#handles.length + this.#malformed.length === 0;
  }

  get isFull(): boolean {
    return this.#handles.length + this.#malformed.length >= CHUNK_RECORDS_MAX || this.#weight >= CHUNK_BYTES_MAX;
  }

  /** @param weight bytes that the record takes while it is under way, where its handle holds more than the message. */
  add(handle: Handle, shardHash: number, message: Bytes, weight: number = message.length): void {
    this.#handles.push(handle);
    this.#shardHashes.push(shardHash);
    this.#messages.push(message);
    this.#bytes += message.length;
    this.#weight += weight;
  }

  addMalformed(record: MalformedRecord): void {
    this.#malformed.push(record);
  }

  /** The chunk, whose `handle` is the array of handles; the builder begins anew. */
  take(): UnsignedChunk & { readonly handle: readonly Handle[] } {
    const messages = new Uint8Array(this.#bytes);
    const offsets = new Uint32Array(this.#messages.length + 1);
    let at = 0;
    for (const [i, message] of this.#messages.entries()) {
      messages.set(message, at);
      at += message.length;
      offsets[i + 1] = at;
    }
    const chunk = {
      handle: this.#handles.slice(),
      messages,
      offsets,
      shardHashes: Uint32Array.from(this.#shardHashes),
      malformed: this.#malformed,
    };
    this.#handles.length = this.#messages.length = this.#shardHashes.length = 0;
    this.#malformed = [];
    this.#bytes = this.#weight = 0;
    return chunk;
  }
}
