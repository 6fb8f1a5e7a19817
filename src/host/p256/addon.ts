import { createRequire } from 'node:module';
import type { Bytes } from '../../base/bytes.ts';
import { MeshError, messageOf } from '../../base/errors.ts';

/** Multiples of a public key, in memory of the addon's own: 32 KiB, freed with this object. */
export type P256Table = object;

/** `native/p256-checker.c`. Each call copies nothing out and keeps nothing of the caller's. */
export interface P256Addon {
  /** @param point `x ‖ y`, 64 bytes. @throws RangeError for what is no point of the curve, and where memory is short. */
  readonly createTable: (point: Bytes) => P256Table;
  /** @param digest 32 bytes. @param signature `r ‖ s`, 64 bytes. @throws RangeError for other lengths. */
  readonly verify: (table: P256Table, digest: Bytes, signature: Bytes) => boolean;
}

const ADDON_PATH = '../../../native/p256-checker.node';

/** @throws ERR_ENGINE where it was not built, or does not load. */
export function loadP256Addon(): P256Addon {
  try {
    return createRequire(import.meta.url)(ADDON_PATH) as P256Addon;
  } catch (error) {
    throw new MeshError(
      'ERR_ENGINE',
      `addon p256-checker: ${messageOf(error).split('\n')[0]}`,
      'install a C compiler (Debian: gcc libc6-dev), then: npm run build:native',
    );
  }
}
