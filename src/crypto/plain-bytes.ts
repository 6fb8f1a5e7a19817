import type { Bytes } from '../base/bytes.ts';

/** What Node's crypto returns (a Buffer) as a plain Uint8Array over the same memory: the rest of the code knows no other. */
export function plainBytes(bytes: Bytes): Bytes {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
