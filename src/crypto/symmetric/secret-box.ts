import { createCipheriv, createDecipheriv, scrypt } from 'node:crypto';
import { type Bytes, bytesEqual, concatBytes, utf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { Secret } from '../secret.ts';

/** Cost of a passphrase guess: N = 2^log2N, r blocks, p lanes (RFC 7914); memory is 128 × N × r bytes. */
interface ScryptCost {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB and some 0.1 s a guess: OWASP's floor, and still quick on a small field computer. */
const COST: ScryptCost = { log2N: 15, r: 8, p: 1 };

/** Largest N that a file may ask for: 256 MiB. A planted file must not be able to stop the process. */
export const LOG2N_MAX = 18;
/** Smallest N that a file may ask for: what is cheaper was not written by this program. */
export const LOG2N_MIN = 14;
/** Largest block size that a file may ask for; memory grows with it. */
export const R_MAX = 8;
/** Most lanes that a file may ask for; time grows with them. */
export const P_MAX = 4;

const MAGIC = utf8('CMSB');
const VERSION = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const HEADER_BYTES = MAGIC.length + 4 + SALT_BYTES;

/** Largest sealed content: far above any key, far below what would be a file put there by mistake. */
export const SECRET_BOX_BYTES_MAX = 64 * 1024;

/** Where salts and nonces come from; the `Random` port fits. A repeated nonce under one salt would give the key away. */
export interface RandomBytes {
  bytes(length: number): Bytes;
}

/**
 * Seals small secrets under a passphrase: scrypt to a key, AES-256-GCM with a random nonce.
 *
 * `"CMSB"(4) ‖ version(1) ‖ log2N(1) ‖ r(1) ‖ p(1) ‖ salt(16) ‖ nonce(12) ‖ ciphertext ‖ tag(16)`
 *
 * The additional data is everything before the nonce and the context, a text that says what is sealed: a box moved to
 * another name does not open. The slow key is made once; one instance then seals and opens all boxes with its salt.
 */
export class SecretBox {
  readonly #header: Bytes;
  readonly #key: Secret;
  readonly #random: RandomBytes;

  private constructor(header: Bytes, key: Secret, random: RandomBytes) {
    this.#header = header;
    this.#key = key;
    this.#random = random;
  }

  /** A box key with a new salt. */
  static async create(passphrase: Secret, random: RandomBytes): Promise<SecretBox> {
    return SecretBox.#derive(passphrase, encodeHeader(COST, random.bytes(SALT_BYTES)), random);
  }

  /**
   * The box key with which an existing box was sealed; whether the passphrase is right shows in {@link open}.
   * @throws ERR_STATE_CORRUPT for anything that is not such a box.
   */
  static async forBox(passphrase: Secret, box: Bytes, random: RandomBytes): Promise<SecretBox> {
    return SecretBox.#derive(passphrase, headerOf(box), random);
  }

  static async #derive(passphrase: Secret, header: Bytes, random: RandomBytes): Promise<SecretBox> {
    const { log2N, r, p } = costOf(header);
    const salt = header.subarray(HEADER_BYTES - SALT_BYTES);
    const N = 2 ** log2N;
    const options = { N, r, p, maxmem: 128 * r * (N + p + 2) };
    const key = await new Promise<Bytes>((resolve, reject) => {
      passphrase.use((bytes) =>
        scrypt(bytes, salt, KEY_BYTES, options, (error, derived) =>
          error === null ? resolve(derived) : reject(error),
        ),
      );
    });
    const secret = new Secret(key);
    key.fill(0);
    return new SecretBox(header, secret, random);
  }

  /** True where a box was sealed with this instance's salt and cost. @throws ERR_STATE_CORRUPT */
  fits(box: Bytes): boolean {
    return bytesEqual(headerOf(box), this.#header);
  }

  seal(context: string, content: Secret): Bytes {
    const nonce = this.#random.bytes(NONCE_BYTES);
    return this.#key.use((key) =>
      content.use((bytes) => {
        if (bytes.length > SECRET_BOX_BYTES_MAX)
          throw new RangeError(`secret: expected at most ${SECRET_BOX_BYTES_MAX} bytes`);
        const cipher = createCipheriv('aes-256-gcm', key, nonce);
        cipher.setAAD(concatBytes(this.#header, utf8(context)));
        const ciphertext = concatBytes(cipher.update(bytes), cipher.final());
        return concatBytes(this.#header, nonce, ciphertext, cipher.getAuthTag());
      }),
    );
  }

  /** @throws ERR_PASSPHRASE_WRONG where the tag does not hold; ERR_STATE_CORRUPT where the box has no such shape. */
  open(context: string, box: Bytes): Secret {
    if (!this.fits(box)) throw new MeshError('ERR_PASSPHRASE_WRONG', 'the box was sealed under another salt');
    const nonce = box.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
    const ciphertext = box.subarray(HEADER_BYTES + NONCE_BYTES, box.length - TAG_BYTES);
    return this.#key.use((key) => {
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(concatBytes(this.#header, utf8(context)));
      decipher.setAuthTag(box.subarray(box.length - TAG_BYTES));
      const content = decipher.update(ciphertext);
      try {
        decipher.final();
        return new Secret(content);
      } catch {
        throw new MeshError('ERR_PASSPHRASE_WRONG', `the passphrase does not open ${context}, or the file was changed`);
      } finally {
        content.fill(0);
      }
    });
  }
}

function encodeHeader({ log2N, r, p }: ScryptCost, salt: Bytes): Bytes {
  return concatBytes(MAGIC, Uint8Array.of(VERSION, log2N, r, p), salt);
}

/** The header of a whole box, its cost checked. */
function headerOf(box: Bytes): Bytes {
  const isSized =
    box.length >= HEADER_BYTES + NONCE_BYTES + TAG_BYTES &&
    box.length <= HEADER_BYTES + NONCE_BYTES + SECRET_BOX_BYTES_MAX + TAG_BYTES;
  if (!isSized || !bytesEqual(box.subarray(0, MAGIC.length), MAGIC) || box[MAGIC.length] !== VERSION)
    throw new MeshError('ERR_STATE_CORRUPT', 'not a sealed secret of version 1');
  const header = new Uint8Array(box.subarray(0, HEADER_BYTES));
  const { log2N, r, p } = costOf(header);
  if (log2N < LOG2N_MIN || log2N > LOG2N_MAX || r < 1 || r > R_MAX || p < 1 || p > P_MAX)
    throw new MeshError('ERR_STATE_CORRUPT', 'sealed secret asks for a cost out of bounds');
  return header;
}

function costOf(header: Bytes): ScryptCost {
  const [log2N, r, p] = header.subarray(MAGIC.length + 1) as unknown as [number, number, number];
  return { log2N, r, p };
}
