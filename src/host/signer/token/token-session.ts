import type * as Pkcs11Binding from 'pkcs11js';
import type { Handle, PKCS11, Template } from 'pkcs11js';
import { type Bytes, compareBytes, toHex } from '../../../base/bytes.ts';
import { MeshError, messageOf, quoted } from '../../../base/errors.ts';
import { POINT_BYTES } from '../../../ports/batch-signer.ts';
import { RING_KEYS_MAX } from '../../../signer/key-ring.ts';
import type { TokenUri } from './token-uri.ts';

/** DER of the object identifier of secp256k1, 1.3.132.0.10: CKA_EC_PARAMS (PKCS #11 v3.0 section 2.3.3). */
const SECP256K1_PARAMETERS = Buffer.from('06052b8104000a', 'hex');
const DEFAULT_LABEL = 'chainmail';

/** A private key that stays in the token. */
export interface TokenKey {
  readonly handle: Handle;
  /** Uncompressed. */
  readonly publicKey: Bytes;
}

type Pkcs11 = typeof Pkcs11Binding;

/**
 * One session with a PKCS #11 token, its user logged in. Calls block the thread that makes them.
 *
 * The threads of a process share one library and one login, so a session that ends leaves the library to the others.
 */
export class TokenSession {
  readonly #pkcs11: Pkcs11;
  readonly #library: PKCS11;
  readonly #session: Handle;
  readonly #label: string | undefined;

  private constructor(pkcs11: Pkcs11, library: PKCS11, session: Handle, label: string | undefined) {
    this.#pkcs11 = pkcs11;
    this.#library = library;
    this.#session = session;
    this.#label = label;
  }

  /**
   * @param pin text of the user's PIN. A wrong one is tried once: tokens lock themselves.
   * @throws ERR_ENGINE where this machine cannot speak to tokens; ERR_KEY_TOKEN where this token cannot be used.
   */
  static async open(uri: TokenUri, pin: string): Promise<TokenSession> {
    const pkcs11 = await loadBinding();
    const library = loadLibrary(pkcs11, uri.modulePath);
    tolerating(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED, 'the token’s library does not start', () =>
      library.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK }),
    );
    const slot = findSlot(library, uri);
    const session = attempt('no session with the token', () =>
      library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION),
    );
    tolerating(pkcs11.CKR_USER_ALREADY_LOGGED_IN, 'the token refuses the PIN', () =>
      library.C_Login(session, pkcs11.CKU_USER, pin),
    );
    return new TokenSession(pkcs11, library, session, uri.object);
  }

  /** The secp256k1 keys of the token that the URI names, in the order of their labels, then ids. */
  keys(): readonly TokenKey[] {
    const { CKA_ID, CKA_LABEL, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY } = this.#pkcs11;
    const publicById = new Map(this.#find(CKO_PUBLIC_KEY).map((handle) => [toHex(this.#read(handle, CKA_ID)), handle]));
    const found = this.#find(CKO_PRIVATE_KEY).map((handle) => {
      const id = this.#read(handle, CKA_ID);
      const publicKey = this.#point(publicById.get(toHex(id)) ?? handle);
      return { handle, id, label: this.#read(handle, CKA_LABEL), publicKey };
    });
    if (found.length > RING_KEYS_MAX)
      throw new MeshError(
        'ERR_KEY_TOKEN',
        `the token has more than ${RING_KEYS_MAX} keys`,
        'name some with object=LABEL',
      );
    return found
      .sort((a, b) => compareBytes(a.label, b.label) || compareBytes(a.id, b.id))
      .map(({ handle, publicKey }) => ({ handle, publicKey }));
  }

  /** Makes keys that cannot leave the token, with ids that count up from 0, and the label that the URI names. */
  generate(count: number): readonly TokenKey[] {
    const p = this.#pkcs11;
    const label = Buffer.from(this.#label ?? DEFAULT_LABEL);
    for (let i = 0; i < count; i++) {
      const id = Buffer.from([i >> 8, i & 0xff]);
      const both: Template = [
        { type: p.CKA_KEY_TYPE, value: p.CKK_EC },
        { type: p.CKA_TOKEN, value: true },
        { type: p.CKA_LABEL, value: label },
        { type: p.CKA_ID, value: id },
      ];
      attempt('the token makes no key', () =>
        this.#library.C_GenerateKeyPair(
          this.#session,
          { mechanism: p.CKM_EC_KEY_PAIR_GEN },
          [
            ...both,
            { type: p.CKA_CLASS, value: p.CKO_PUBLIC_KEY },
            { type: p.CKA_EC_PARAMS, value: SECP256K1_PARAMETERS },
            { type: p.CKA_VERIFY, value: true },
          ],
          [
            ...both,
            { type: p.CKA_CLASS, value: p.CKO_PRIVATE_KEY },
            { type: p.CKA_PRIVATE, value: true },
            { type: p.CKA_SENSITIVE, value: true },
            { type: p.CKA_EXTRACTABLE, value: false },
            { type: p.CKA_SIGN, value: true },
          ],
        ),
      );
    }
    return this.keys();
  }

  /** ECDSA of a digest of 32 bytes, with a nonce of the token's own. Writes r || s (64), either of the two s. */
  sign(handle: Handle, digest: Bytes, out: Bytes): void {
    attempt('the token does not sign', () => {
      this.#library.C_SignInit(this.#session, { mechanism: this.#pkcs11.CKM_ECDSA }, handle);
      const signature = Buffer.alloc(64);
      out.set(this.#library.C_Sign(this.#session, Buffer.from(digest), signature));
    });
  }

  close(): void {
    this.#library.C_CloseSession(this.#session);
  }

  #find(objectClass: number): readonly Handle[] {
    const { CKA_CLASS, CKA_KEY_TYPE, CKA_EC_PARAMS, CKA_LABEL, CKK_EC } = this.#pkcs11;
    return attempt('the token does not list its keys', () => {
      this.#library.C_FindObjectsInit(this.#session, [
        { type: CKA_CLASS, value: objectClass },
        { type: CKA_KEY_TYPE, value: CKK_EC },
        { type: CKA_EC_PARAMS, value: SECP256K1_PARAMETERS },
        ...(this.#label === undefined ? [] : [{ type: CKA_LABEL, value: Buffer.from(this.#label) }]),
      ]);
      try {
        return this.#library.C_FindObjects(this.#session, RING_KEYS_MAX + 1);
      } finally {
        this.#library.C_FindObjectsFinal(this.#session);
      }
    });
  }

  #read(handle: Handle, type: number): Bytes {
    return attempt('the token does not show its keys', () => {
      const [attribute] = this.#library.C_GetAttributeValue(this.#session, handle, [{ type }]);
      return new Uint8Array(attribute?.value as Buffer);
    });
  }

  /** The point, which most tokens wrap in a DER OCTET STRING, as they should, and some do not. */
  #point(handle: Handle): Bytes {
    const value = this.#read(handle, this.#pkcs11.CKA_EC_POINT);
    const point = value.subarray(value.length - POINT_BYTES);
    const isWrapped = value.length === POINT_BYTES + 2 && value[0] === 0x04 && value[1] === POINT_BYTES;
    if ((value.length !== POINT_BYTES && !isWrapped) || point[0] !== 0x04)
      throw new MeshError('ERR_KEY_TOKEN', 'the token shows a public key that is no uncompressed point');
    return point;
  }
}

async function loadBinding(): Promise<Pkcs11> {
  try {
    const { default: pkcs11 } = (await import('pkcs11js')) as unknown as { default: Pkcs11 };
    return pkcs11;
  } catch (error) {
    throw new MeshError(
      'ERR_ENGINE',
      `this installation cannot speak to tokens: ${messageOf(error)}`,
      'it needs the npm package pkcs11js and a C++ compiler: npm rebuild pkcs11js',
      { cause: error },
    );
  }
}

/**
 * The libraries that this thread has loaded. One that were collected as garbage would be unloaded, and what it brought
 * along with it (SoftHSM: OpenSSL), under the feet of other threads.
 */
const libraries = new Map<string, PKCS11>();

function loadLibrary(pkcs11: Pkcs11, path: string): PKCS11 {
  const loaded = libraries.get(path);
  if (loaded !== undefined) return loaded;
  const library = new pkcs11.PKCS11();
  try {
    library.load(path);
  } catch (error) {
    throw tokenError(`library ${quoted(path)} cannot be loaded`, 'check module-path', error);
  }
  libraries.set(path, library);
  return library;
}

function findSlot(library: PKCS11, { token, serial }: TokenUri): Handle {
  const slots = attempt('the token’s library lists no slots', () => library.C_GetSlotList(true)).filter((slot) => {
    const info = library.C_GetTokenInfo(slot);
    return (
      (token === undefined || info.label.trimEnd() === token) &&
      (serial === undefined || info.serialNumber.trimEnd() === serial)
    );
  });
  const [slot] = slots;
  if (slot === undefined) throw new MeshError('ERR_KEY_TOKEN', 'there is no such token', 'check token= and serial=');
  if (slots.length > 1)
    throw new MeshError('ERR_KEY_TOKEN', `${slots.length} tokens answer to that`, 'name one with token= or serial=');
  return slot;
}

function attempt<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw tokenError(what, undefined, error);
  }
}

function tolerating(code: number, what: string, call: () => void): void {
  try {
    call();
  } catch (error) {
    if ((error as { code?: unknown }).code !== code) throw tokenError(what, undefined, error);
  }
}

function tokenError(what: string, hint: string | undefined, cause: unknown): MeshError {
  return new MeshError('ERR_KEY_TOKEN', `${what}: ${messageOf(cause)}`, hint, { cause });
}
