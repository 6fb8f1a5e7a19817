/** What is used of the package, which is there only where a C++ compiler was: this way the rest compiles without it. */
declare module 'pkcs11js' {
  /** Names a slot, a session or an object, and means something to its library only. */
  type Handle = Buffer;

  interface Attribute {
    readonly type: number;
    readonly value?: number | boolean | string | Buffer;
  }
  type Template = Attribute[];

  interface Mechanism {
    readonly mechanism: number;
    readonly parameter?: Buffer;
  }

  interface KeyPair {
    readonly publicKey: Handle;
    readonly privateKey: Handle;
  }

  interface TokenInfo {
    readonly label: string;
    readonly serialNumber: string;
  }

  /** Each call throws an error with the `code` of PKCS #11 where the library returns one. */
  class PKCS11 {
    load(path: string): void;
    C_Initialize(options: { readonly flags: number }): void;
    C_GetSlotList(isTokenPresent: boolean): Handle[];
    C_GetTokenInfo(slot: Handle): TokenInfo;
    C_OpenSession(slot: Handle, flags: number): Handle;
    C_CloseSession(session: Handle): void;
    C_Login(session: Handle, userType: number, pin: string): void;
    C_GenerateKeyPair(session: Handle, mechanism: Mechanism, publicKey: Template, privateKey: Template): KeyPair;
    C_FindObjectsInit(session: Handle, template: Template): void;
    C_FindObjects(session: Handle, countMax: number): Handle[];
    C_FindObjectsFinal(session: Handle): void;
    C_GetAttributeValue(session: Handle, object: Handle, template: Template): Attribute[];
    C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void;
    C_Sign(session: Handle, digest: Buffer, signature: Buffer): Buffer;
  }

  const CKA_CLASS: number;
  const CKA_EC_PARAMS: number;
  const CKA_EC_POINT: number;
  const CKA_EXTRACTABLE: number;
  const CKA_ID: number;
  const CKA_KEY_TYPE: number;
  const CKA_LABEL: number;
  const CKA_PRIVATE: number;
  const CKA_SENSITIVE: number;
  const CKA_SIGN: number;
  const CKA_TOKEN: number;
  const CKA_VERIFY: number;
  const CKF_OS_LOCKING_OK: number;
  const CKF_RW_SESSION: number;
  const CKF_SERIAL_SESSION: number;
  const CKK_EC: number;
  const CKM_EC_KEY_PAIR_GEN: number;
  const CKM_ECDSA: number;
  const CKO_PRIVATE_KEY: number;
  const CKO_PUBLIC_KEY: number;
  const CKR_CRYPTOKI_ALREADY_INITIALIZED: number;
  const CKR_USER_ALREADY_LOGGED_IN: number;
  const CKU_USER: number;
}
