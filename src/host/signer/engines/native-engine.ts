import { createRequire } from 'node:module';
import type { Bytes } from '../../../base/bytes.ts';
import { MeshError, messageOf } from '../../../base/errors.ts';
import {
  type BatchSigner,
  POINT_BYTES,
  RECORD_SIGNATURE_BYTES,
  type RecoveryBatch,
  type SignatureChecker,
  type SigningBatch,
} from '../../../ports/batch-signer.ts';
import { CHECK_EVERY } from './curve-batch.ts';

/** `native/batch-signer.c`. Lengths are checked there; the arrays must not be changed or detached until it is done. */
interface Addon {
  createRing(keys: Bytes): Ring;
  closeRing(ring: Ring): void;
  publicKeys(ring: Ring, out: Bytes): void;
  sign(
    ring: Ring,
    messages: Bytes,
    offsets: Uint32Array,
    salts: Bytes,
    keyIndexes: Uint16Array,
    signatures: Bytes,
    checkEvery: number,
  ): Promise<void>;
  recover(preimages: Bytes, offsets: Uint32Array, signatures: Bytes, points: Bytes): Promise<void>;
}

/** Keys in memory of the addon's own; JavaScript sees nothing of it. */
type Ring = object;

const ADDON_PATH = '../../../../native/batch-signer.node';

/** @throws ERR_ENGINE where the addon was not built, or does not load. */
function loadAddon(): Addon {
  try {
    return createRequire(import.meta.url)(ADDON_PATH) as Addon;
  } catch (error) {
    throw new MeshError(
      'ERR_ENGINE',
      `engine native: ${messageOf(error).split('\n')[0]}`,
      'install libsecp256k1 with its headers (Debian: libsecp256k1-dev) and a C compiler, then: npm run build:native',
    );
  }
}

/** Batches on the threads of libuv, against the system's libsecp256k1. */
export class NativeSigner implements BatchSigner {
  readonly engine = 'native';
  readonly publicKeys: readonly Bytes[];
  readonly #addon: Addon;
  readonly #ring: Ring;

  /** @param keys 32 bytes each; copied into locked memory, and the caller wipes its own. @throws ERR_ENGINE, ERR_KEY */
  constructor(keys: Bytes) {
    this.#addon = loadAddon();
    this.#ring = this.#addon.createRing(keys);
    const packed = new Uint8Array((keys.length / 32) * POINT_BYTES);
    this.#addon.publicKeys(this.#ring, packed);
    this.publicKeys = Array.from({ length: packed.length / POINT_BYTES }, (_, i) =>
      packed.slice(i * POINT_BYTES, (i + 1) * POINT_BYTES),
    );
  }

  async sign({ messages, offsets, salts, keyIndexes }: SigningBatch): Promise<Bytes> {
    const signatures = new Uint8Array(keyIndexes.length * RECORD_SIGNATURE_BYTES);
    try {
      await this.#addon.sign(this.#ring, messages, offsets, salts, keyIndexes, signatures, CHECK_EVERY);
    } catch (error) {
      throw new MeshError('ERR_ENGINE', messageOf(error));
    }
    return signatures;
  }

  async close(): Promise<void> {
    this.#addon.closeRing(this.#ring);
  }
}

/** Finds out who signed records, on all cores, with the add-on of `native/`. */
export class NativeChecker implements SignatureChecker {
  readonly engine = 'native';
  readonly #addon = loadAddon();

  async recover({ preimages, offsets, signatures }: RecoveryBatch): Promise<Bytes> {
    const points = new Uint8Array((offsets.length - 1) * POINT_BYTES);
    await this.#addon.recover(preimages, offsets, signatures, points);
    return points;
  }

  async close(): Promise<void> {}
}
