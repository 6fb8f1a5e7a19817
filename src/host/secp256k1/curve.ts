import type { Bytes } from '../../base/bytes.ts';

/** One implementation of secp256k1, one call at a time: what a worker thread loops over. */
export interface Curve {
  /** Deterministic (RFC 6979), low s. Writes r || s (64); @returns v, 0 to 3. */
  sign(digest: Bytes, key: Bytes, out: Bytes): number;
  /** @returns the uncompressed point, or `undefined` where the signature is none. */
  recover(digest: Bytes, signature: Bytes, v: 0 | 1): Bytes | undefined;
  /** @returns the uncompressed point, or `undefined` where the key is none. */
  publicKey(key: Bytes): Bytes | undefined;
  /** `point + scalar·G`, compressed; `undefined` where the scalar is too large or the sum is no point. */
  addScalar(point: Bytes, scalar: Bytes): Bytes | undefined;
}

const NO_OPTIONS = {};

/** The implementations in JavaScript's reach, best first. */
export type CurveName = 'npm' | 'wasm';

/** @throws Error where it cannot be loaded on this machine. */
export async function loadCurve(name: CurveName): Promise<Curve> {
  return name === 'npm' ? loadNpmCurve() : loadWasmCurve();
}

/**
 * The npm package `secp256k1` by its `bindings.js`, which is libsecp256k1 or throws. Its main entry falls back to
 * `elliptic`, whose signatures can tell the key (GHSA-848j-6marx-7j84), so it is never loaded, nor even installed.
 */
async function loadNpmCurve(): Promise<Curve> {
  const { default: addon } = await import('secp256k1/bindings.js');
  return {
    sign: (digest, key, out) => addon.ecdsaSign(digest, key, NO_OPTIONS, out).recid,
    recover: (digest, signature, v) => orUndefined(() => addon.ecdsaRecover(signature, v, digest, false)),
    publicKey: (key) => orUndefined(() => addon.publicKeyCreate(key, false)),
    addScalar: (point, scalar) => orUndefined(() => addon.publicKeyTweakAdd(point, scalar, true)),
  };
}

/** libsecp256k1 compiled to WebAssembly: runs everywhere. */
async function loadWasmCurve(): Promise<Curve> {
  const wasm = await import('tiny-secp256k1');
  return {
    sign: (digest, key, out) => {
      const { signature, recoveryId } = wasm.signRecoverable(digest, key);
      out.set(signature);
      return recoveryId;
    },
    recover: (digest, signature, v) => orUndefined(() => wasm.recover(digest, signature, v, false) ?? undefined),
    publicKey: (key) => orUndefined(() => wasm.pointFromScalar(key, false) ?? undefined),
    addScalar: (point, scalar) => orUndefined(() => wasm.pointAddScalar(point, scalar, true) ?? undefined),
  };
}

/** Both packages throw for what is only a wrong signature. */
function orUndefined(find: () => Bytes | undefined): Bytes | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}
