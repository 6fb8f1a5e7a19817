import type { Bytes } from '../base/bytes.ts';
import { CHUNK_BYTES_MAX, CHUNK_RECORDS_MAX, type UnsignedChunk } from '../ports/record-store.ts';

/** Packs records one by one into an {@link UnsignedChunk}; stores use it as they read. */
export class ChunkBuilder<Handle> {
  readonly #handles: Handle[] = [];
  readonly #messages: Bytes[] = [];
  readonly #shardHashes: number[] = [];
  #bytes = 0;
  #malformed = 0;

  get isEmpty(): boolean {
    return this.#handles.length === 0 && this.#malformed === 0;
  }

  get isFull(): boolean {
    return this.#handles.length >= CHUNK_RECORDS_MAX || this.#bytes >= CHUNK_BYTES_MAX;
  }

  add(handle: Handle, shardHash: number, message: Bytes): void {
    this.#handles.push(handle);
    this.#shardHashes.push(shardHash);
    this.#messages.push(message);
    this.#bytes += message.length;
  }

  addMalformed(): void {
    this.#malformed++;
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
    this.#bytes = this.#malformed = 0;
    return chunk;
  }
}
