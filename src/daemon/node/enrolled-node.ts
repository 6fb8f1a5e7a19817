import { z } from 'zod';
import { type MeshConfig, meshConfigSchema } from '../../api/enrollment.ts';
import { describeIssue } from '../../api/schema.ts';
import { bytesEqual } from '../../base/bytes.ts';
import { isMeshError, MeshError, messageOf, quoted, quotedPath } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { parseJson } from '../../codec/json.ts';
import { encodePem } from '../../codec/pem.ts';
import type { Signer } from '../../crypto/keys/signer.ts';
import { checkX509Signature } from '../../crypto/signatures/x509-signature.ts';
import { type MeshName, parseMeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { judgePath } from '../../pki/mesh/judge.ts';
import { RevocationView } from '../../pki/mesh/revocation-view.ts';
import { type Certificate, parseCertificatesPem } from '../../pki/x509/certificate/certificate.ts';
import type { KeyStore } from '../../ports/key-store.ts';
import { type NodeLayout, readStateFile, requireNodeDirectory } from '../directory.ts';

const enrollmentFileSchema = z.object({
  /** Of the ticket that was redeemed, so that the same command again is known for what it is. */
  token_hash: z.string(),
  endpoint: z.string(),
  config: meshConfigSchema,
});

/** A node's place in its mesh, as it was enrolled: everything that its process starts from, checked. */
export interface EnrolledNode {
  readonly layout: NodeLayout;
  readonly mesh: MeshName;
  readonly nodeId: NodeId;
  readonly roles: readonly string[];
  readonly config: MeshConfig;
  /** `https://HOST:PORT` of the authority. */
  readonly endpoint: string;
  /** Leaf first. */
  readonly chain: readonly Certificate[];
  /** The first of the chain: the node's own certificate. */
  readonly leaf: Certificate;
  readonly certificatePem: string;
  /** The mesh's trust anchor. */
  readonly root: Certificate;
  readonly rootPem: string;
  readonly notAfter: UnixMs;
}

/**
 * Reads what an enrolment wrote, and judges it again. Whether the certificate is still valid is left to the
 * caller: an expired node does not start, but commands read its directory and it can be enrolled again.
 * @throws ERR_DIR_NOT_INITIALISED, ERR_STATE_CORRUPT; ERR_STATE_FOREIGN where its files are of two nodes.
 */
export function loadEnrolledNode(directory: string): EnrolledNode {
  const layout = requireNodeDirectory(directory);
  const { endpoint, config } = readEnrollmentFile(layout);
  const certificatePem = readStateFile(layout.certificate);
  const mesh = parseMeshName(config.mesh);
  const chain = parsedFrom(layout.certificate, () => parseCertificatesPem(certificatePem));
  const root = parsedFrom(layout.caCertificates, () =>
    rootAmong(parseCertificatesPem(readStateFile(layout.caCertificates))),
  );
  const [leaf] = chain;
  if (leaf === undefined) throw damaged(layout.certificate, 'there is no certificate');
  const judgement = judgePath(chain, new RevocationView(), leaf.notAfter, 'tls-client', {
    mesh,
    anchors: [root],
    checkSignature: checkX509Signature,
  });
  if (judgement.tag === 'refused')
    throw damaged(layout.certificate, `under the root in ${quotedPath(layout.caCertificates)}, ${judgement.message}`);
  const { nodeId, roles, notAfter } = judgement;
  if (config.node_id !== nodeId)
    throw new MeshError(
      'ERR_STATE_FOREIGN',
      `state file ${quotedPath(layout.enrollment)} is of node ${quoted(config.node_id)}, the certificate of ${quoted(nodeId)}`,
      'one of the two is of another node: restore both from one backup',
    );
  const rootPem = encodePem('CERTIFICATE', root.der);
  return { layout, mesh, nodeId, roles, config, endpoint, chain, leaf, certificatePem, root, rootPem, notAfter };
}

/**
 * Opens the identity key, which a node's certificate is for.
 * @throws ERR_KEY_MISSING, ERR_STATE_CORRUPT; ERR_STATE_FOREIGN where the certificate is for another.
 */
export async function openIdentityKey(keys: KeyStore, leaf: Certificate): Promise<Signer> {
  const signer = await keys.open('identity');
  if (bytesEqual(signer.spki, leaf.spki)) return signer;
  throw new MeshError(
    'ERR_STATE_FOREIGN',
    'the identity key in the folder keys does not belong to the certificate in node.pem',
    'one of the two is of another node: restore both from one backup',
  );
}

/** @throws ERR_STATE_CORRUPT */
export function readEnrollmentFile(layout: NodeLayout): z.output<typeof enrollmentFileSchema> {
  try {
    return enrollmentFileSchema.parse(parseJson(readStateFile(layout.enrollment)));
  } catch (error) {
    const what = error instanceof z.ZodError ? describeIssue(error) : messageOf(error);
    throw damaged(layout.enrollment, what);
  }
}

function parsedFrom<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isMeshError(error)) throw error;
    throw damaged(path, error.message);
  }
}

function damaged(path: string, what: string): MeshError {
  return new MeshError(
    'ERR_STATE_CORRUPT',
    `state file ${quotedPath(path)} is damaged: ${what}`,
    `restore ${path} from a backup, or enrol anew in an empty directory: chainmail node enroll --dir DIR --ticket FILE`,
  );
}

function rootAmong(certificates: readonly Certificate[]): Certificate {
  const root = certificates.find((certificate) => certificate.isSelfIssued);
  if (root === undefined || !checkX509Signature(root.signatureAlgorithm, root.spki, root.tbs, root.signature))
    throw new MeshError('ERR_STATE_CORRUPT', 'there is no root that signed itself');
  return root;
}
