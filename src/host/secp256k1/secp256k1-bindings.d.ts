declare module 'secp256k1/bindings.js' {
  /** The part of the package that is used; it comes without types. All of it throws for arguments of wrong form. */
  interface Secp256k1 {
    ecdsaSign(
      digest: Uint8Array,
      key: Uint8Array,
      options: object,
      output: Uint8Array,
    ): { readonly signature: Uint8Array; readonly recid: number };
    ecdsaRecover(signature: Uint8Array, recid: number, digest: Uint8Array, compressed: boolean): Uint8Array;
    publicKeyTweakAdd(publicKey: Uint8Array, tweak: Uint8Array, compressed: boolean): Uint8Array;
    publicKeyCreate(key: Uint8Array, compressed: boolean): Uint8Array;
  }
  const addon: Secp256k1;
  export default addon;
}
