import { type Bytes, toHex } from '../../base/bytes.ts';
import { sha256Concat, sha256Hex } from '../../crypto/hash.ts';
import type { PublicKey } from '../../crypto/keys/public-key.ts';
import { type CheckX509Signature, checkX509Signature } from '../../crypto/signatures/x509-signature.ts';
import type { Message } from '../../message/message.ts';
import { readMeshCertificate } from '../../node/peers/chain-exchange.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';

interface Asked {
  readonly algorithmIdentifier: Bytes;
  readonly spki: Bytes;
  readonly signature: Bytes;
  readonly answer: boolean;
}

/**
 * Signature checks and certificates that all nodes of a world share: each distinct one is really made or read, once. Ten thousand nodes that
 * judge the same message cost one check and ten thousand look-ups, and a forgery is as false as in the field.
 */
export class SharedChecks {
  readonly #x509 = new Map<string, boolean>();
  readonly #asked = new WeakMap<Bytes, Asked>();
  readonly #messages = new Map<string, boolean>();
  readonly #certificates = new Map<string, Certificate>();

  /** Distinct checks made so far. */
  get made(): number {
    return this.#x509.size + this.#messages.size;
  }

  readonly checkX509: CheckX509Signature = (algorithmIdentifier, spki, signed, signature) => {
    // Certificates are read once and never changed: the same objects are the same question.
    const last = this.#asked.get(signed);
    if (last?.spki === spki && last.signature === signature && last.algorithmIdentifier === algorithmIdentifier)
      return last.answer;
    const answer = this.#checkX509(algorithmIdentifier, spki, signed, signature);
    this.#asked.set(signed, { algorithmIdentifier, spki, signature, answer });
    return answer;
  };

  readonly #checkX509: CheckX509Signature = (algorithmIdentifier, spki, signed, signature) => {
    // Each of the first three is one DER element, so that no two sets of arguments make the same bytes.
    const key = toHex(sha256Concat(algorithmIdentifier, spki, signed, signature));
    return remembered(this.#x509, key, () => checkX509Signature(algorithmIdentifier, spki, signed, signature));
  };

  /** Each certificate is read once, and all nodes hold the same object. */
  readonly readCertificate = (der: Bytes): Certificate => {
    const key = sha256Hex(der);
    let certificate = this.#certificates.get(key);
    if (certificate === undefined) {
      certificate = readMeshCertificate(der);
      this.#certificates.set(key, certificate);
    }
    return certificate;
  };

  /** The content, or the root of the batch, and the signature under a key say which check this is. */
  verifyMessage(
    key: PublicKey,
    message: Pick<Message, 'algorithm' | 'batchKey' | 'contentKey' | 'signature' | 'signedBytes'>,
  ): boolean {
    const { algorithm, contentKey, batchKey = contentKey, signature, signedBytes } = message;
    return remembered(this.#messages, `${batchKey}${toHex(signature)}${keyOf(key.spki)}`, () =>
      key.verify(algorithm, signedBytes, signature),
    );
  }
}

function remembered(answers: Map<string, boolean>, key: string, ask: () => boolean): boolean {
  const known = answers.get(key);
  if (known !== undefined) return known;
  const answer = ask();
  answers.set(key, answer);
  return answer;
}

/** Enough of a key to tell it from all others: both kinds of key end in their point. */
function keyOf(spki: Bytes): string {
  return toHex(spki.subarray(-32));
}
