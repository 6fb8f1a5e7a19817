import type { Bytes } from '../../base/bytes.ts';
import { isMeshError } from '../../base/errors.ts';
import { readOnly } from '../../codec/der-reader.ts';
import { contextTag } from '../../codec/der-tag.ts';
import { sequence } from '../../codec/der-writer.ts';

/** What Node.js writes before the session of a client: this, two octets of length, and the name that was dialled. */
const NODE_PREFIX = Buffer.from('\0nodejs:tls:session:1\0');
/** `peer [3] EXPLICIT Certificate OPTIONAL` of OpenSSL's `SSL_SESSION_ASN1`. */
const PEER_CERTIFICATE = contextTag(3, 'constructed');

/**
 * A session as a client was given it, without the certificate of the server. OpenSSL would read that with every resumed
 * link, a twentieth of its time and more, for nobody: who the server is says the chain that is kept beside the session.
 * In a form that another Node.js or OpenSSL may have, the session stays as it is.
 */
export function withoutCertificate(session: Buffer): Buffer {
  const start = startOfSession(session);
  try {
    return Buffer.concat([
      session.subarray(0, start),
      readOnly(session.subarray(start), (reader) => {
        const elements = reader.sequence();
        const kept: Bytes[] = [];
        while (!elements.isAtEnd) {
          const isCertificate = elements.peek() === PEER_CERTIFICATE;
          const element = elements.raw();
          if (!isCertificate) kept.push(element);
        }
        return sequence(...kept);
      }),
    ]);
  } catch (error) {
    if (!isMeshError(error)) throw error;
    return session;
  }
}

function startOfSession(session: Buffer): number {
  const nameAt = NODE_PREFIX.length + 2;
  const isPrefixed = session.length >= nameAt && session.subarray(0, NODE_PREFIX.length).equals(NODE_PREFIX);
  return isPrefixed ? nameAt + session.readUInt16BE(NODE_PREFIX.length) : 0;
}
