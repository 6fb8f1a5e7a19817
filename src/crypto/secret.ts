import type { Bytes } from '../base/bytes.ts';

/** Key bytes that cannot be printed, serialised or compared with `===` by accident. */
export class Secret implements Disposable {
  readonly #bytes: Bytes;

  /** Copies; whoever holds the original wipes it. */
  constructor(bytes: Bytes) {
    this.#bytes = new Uint8Array(bytes); // not `slice`: that of a Buffer shares its memory, and the wipe would reach it
  }

  /** Lends the bytes for one call. The callee must not keep them. */
  use<T>(fn: (bytes: Bytes) => T): T {
    return fn(this.#bytes);
  }

  /** Best effort: the engine may have copied the bytes elsewhere (SECURITY.md says what that means). */
  [Symbol.dispose](): void {
    this.#bytes.fill(0);
  }

  toJSON(): string {
    return '[secret]';
  }

  toString(): string {
    return '[secret]';
  }
}
