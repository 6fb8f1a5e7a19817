import type { Bytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { decodeSign1, SigStructures } from '../cose/sign1.ts';
import { SIGNATURE_BYTES } from '../crypto/keys/public-key.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import { BatchMemory } from './batch-memory.ts';
import { HeaderMemory } from './header-memory.ts';
import { MESSAGE_BYTES_MAX, PAYLOAD_BYTES_MAX } from './limits.ts';
import { externalAad, malformedIfThrows, Message } from './message.ts';

/**
 * Reads messages of one mesh. Whoever reads many keeps one of these: what the messages of one author, and those of one
 * batch, have in common is then read once. It remembers nothing that a message does not say again.
 */
export class MessageReader {
  readonly #headers = new HeaderMemory();
  readonly #batches: BatchMemory;
  readonly #structures: SigStructures;

  constructor(mesh: MeshName) {
    this.#batches = new BatchMemory(mesh);
    this.#structures = new SigStructures(externalAad(mesh));
  }

  /** @throws ERR_MESSAGE_MALFORMED for anything but the one encoding of a message. */
  read(bytes: Bytes): Message {
    if (bytes.length > MESSAGE_BYTES_MAX)
      throw new MeshError(
        'ERR_MESSAGE_MALFORMED',
        `message of ${bytes.length} bytes, expected at most ${MESSAGE_BYTES_MAX}`,
      );
    return malformedIfThrows(() => this.#read(bytes));
  }

  #read(bytes: Bytes): Message {
    const { protectedBytes, payload, signature, path } = decodeSign1(bytes, PAYLOAD_BYTES_MAX);
    if (signature.length !== SIGNATURE_BYTES)
      throw new MeshError('ERR_MESSAGE_MALFORMED', `message signature: expected ${SIGNATURE_BYTES} bytes`);
    const { signer, place, stream } = this.#headers.read(protectedBytes);
    const toBeSigned = this.#structures.write(protectedBytes, payload);
    const batch = path === undefined ? undefined : this.#batches.find(signature, toBeSigned, path);
    const signed = { signature: batch?.signature ?? signature, batch, bytes };
    return new Message(signer, place, stream, { protectedBytes, payload, toBeSigned }, signed);
  }
}

/** Reads one message; who reads many keeps a {@link MessageReader}. @throws as {@link MessageReader.read}. */
export function parseMessage(mesh: MeshName, bytes: Bytes): Message {
  return new MessageReader(mesh).read(bytes);
}
