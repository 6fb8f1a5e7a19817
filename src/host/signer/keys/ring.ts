import type { Bytes } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import { Secret } from '../../../crypto/secret.ts';
import { secp256k1PublicKey } from '../../../crypto/secp256k1/key.ts';
import type { BatchSigner, SigningEngine } from '../../../ports/batch-signer.ts';
import { openSigner, openTokenSigner } from '../engines/engines.ts';
import { loadKeyFiles } from './key-files.ts';
import { readMountedSecret } from './mounted-secret.ts';
import { TokenSession } from '../token/token-session.ts';
import { parseTokenUri, type TokenUri } from '../token/token-uri.ts';

/** Bytes of a PIN's file. PINs have 4 to 255 characters. */
export const PIN_FILE_BYTES_MAX = 1_024;

/** The keys that sign, wherever they lie. Disposing of it wipes what of them is in memory; signers live on. */
export interface Ring extends Disposable {
  /** In the order of the ring, uncompressed. */
  publicKeys(): Promise<readonly Bytes[]>;
  /** @throws ERR_ENGINE, ERR_KEY_TOKEN; ERR_USAGE for a wish that the ring cannot grant. */
  open(wish?: SigningEngine): Promise<BatchSigner>;
}

/** The ring of a key file or folder; see {@link loadKeyFiles} for what is refused. */
export function fileRing(path: string): Ring {
  const keys = loadKeyFiles(path);
  return {
    publicKeys: async () => keys.map(secp256k1PublicKey),
    open: (wish) => openSigner(keys, wish),
    [Symbol.dispose]: () => {
      for (const key of keys) key[Symbol.dispose]();
    },
  };
}

/**
 * The ring in a PKCS #11 token.
 * @param pinFile used where the URI names none.
 * @throws ERR_USAGE, ERR_KEY_MISSING, ERR_KEY_FILE_MODE; the token itself is asked later.
 */
export function tokenRing(uriText: string, pinFile: string | undefined): TokenRing {
  const uri = parseTokenUri(uriText);
  const path = uri.pinFile ?? pinFile;
  if (path === undefined)
    throw new MeshError(
      'ERR_USAGE',
      'there is no PIN for the token',
      'name its file: pin-source=file:/path in the URI, or CHAINMAIL_SIGNER_PIN_FILE',
    );
  const content = readMountedSecret(path, PIN_FILE_BYTES_MAX);
  try {
    const end = content.findIndex((byte) => byte === 0x0a || byte === 0x0d);
    return new TokenRing(uri, new Secret(end === -1 ? content : content.subarray(0, end)));
  } finally {
    content.fill(0);
  }
}

/** Keys in a PKCS#11 token. The PIN is kept in memory until the ring is disposed of. */
export class TokenRing implements Ring {
  readonly #uri: TokenUri;
  readonly #pin: Secret;

  constructor(uri: TokenUri, pin: Secret) {
    this.#uri = uri;
    this.#pin = pin;
  }

  async publicKeys(): Promise<readonly Bytes[]> {
    return this.#inSession((session) => session.keys().map(({ publicKey }) => publicKey));
  }

  /** Makes the ring. @returns the public keys, or `undefined` where the URI names keys already: they are left alone. */
  async generate(count: number): Promise<readonly Bytes[] | undefined> {
    return this.#inSession((session) =>
      session.keys().length > 0 ? undefined : session.generate(count).map(({ publicKey }) => publicKey),
    );
  }

  async open(wish?: SigningEngine): Promise<BatchSigner> {
    if (wish !== undefined) throw new MeshError('ERR_USAGE', 'the token signs by itself', 'leave out --engine');
    if ((await this.publicKeys()).length === 0)
      throw new MeshError(
        'ERR_RING_MISSING',
        'the token has no secp256k1 keys of that name',
        'chainmail signer keys generate --keys pkcs11:… --count 16',
      );
    return openTokenSigner(this.#uri, this.#text());
  }

  [Symbol.dispose](): void {
    this.#pin[Symbol.dispose]();
  }

  async #inSession<T>(use: (session: TokenSession) => T): Promise<T> {
    const session = await TokenSession.open(this.#uri, this.#text());
    try {
      return use(session);
    } finally {
      session.close();
    }
  }

  /** The binding wants text, which cannot be wiped: it lives until it is collected. */
  #text(): string {
    return this.#pin.use((bytes) => new TextDecoder().decode(bytes));
  }
}
