import { MeshError } from '../../base/errors.ts';
import { toRfc3339, type UnixMs } from '../../base/time.ts';
import type { Bytes } from '../../base/bytes.ts';
import { encodePem, parsePem } from '../../codec/pem.ts';
import { checkX509Signature } from '../../crypto/signatures/x509-signature.ts';
import { lanesOf, openChecker } from '../../host/signer/engines/engines.ts';
import { parseMeshName } from '../../identity/mesh-name.ts';
import { nodeIdOfSpki } from '../../identity/node-id.ts';
import { parseTicket, type Ticket } from '../../api/ticket.ts';
import { type AnchorFile, splitAnchors } from '../../pki/mesh/anchors.ts';
import { type Certificate, parseCertificatesPem } from '../../pki/x509/certificate/certificate.ts';
import { CRL_BYTES_MAX, type Crl, parseCrl } from '../../pki/x509/crl/crl.ts';
import { type Csr, parseCsr } from '../../pki/x509/certificate/csr.ts';
import { verifyExport } from '../../signer/verify-export.ts';
import { verifyDelegate, verifyWalletEpoch } from './delegate.ts';
import { issuerOfCrl, requirePath, verifyCertificate } from './certificate.ts';
import { verifyMessage } from './message.ts';
import { type Recognised, recognise } from './recognise.ts';
import { type FileVerdict, type VerifyContext, verdictOf } from './verdict.ts';

/** Says of a file what it is, whether it holds, and why not. Nothing in the file makes it throw. */
export async function verifyFile(file: Bytes, context: VerifyContext): Promise<FileVerdict> {
  const found = recognise(file);
  switch (found.kind) {
    case 'message':
      return verifyMessage(found, context);
    case 'certificate':
      return verifyCertificate(found, context);
    case 'crl':
      return verifyList(found, context);
    case 'csr':
      return verifyRequest(found);
    case 'ticket':
      return verifyTicket(found, context);
    case 'export':
      return verifyRecords(found);
    case 'delegate':
      return verifyDelegate(found, context);
    case 'wallet-epoch':
      return verifyWalletEpoch(found);
    case 'unknown':
      return verdictOf('unknown', {}, () => {
        throw new MeshError('ERR_INPUT', 'the file is nothing that this program writes or reads');
      });
  }
}

/** Whom a file says to believe: its roots; where it has none, all that are in it, as RFC 5280 lets any certificate be an anchor. */
export function anchorsAmong(certificates: readonly Certificate[]): AnchorFile {
  const { anchors, others } = splitAnchors(certificates);
  return anchors.length === 0 ? { anchors: others, others: [] } : { anchors, others };
}

/** A CRL as a file has it, PEM or DER. @throws ERR_PEM, ERR_CRL */
export function readCrlFile(file: Bytes): Crl {
  const { text, bytes } = recognise(file);
  return parseCrl(text === undefined ? bytes : (parsePem(text, 'X509 CRL', 2 * CRL_BYTES_MAX)[0] as Bytes));
}

function verifyList({ bytes }: Recognised, context: VerifyContext): FileVerdict {
  let crl: Crl | undefined;
  const parsed = verdictOf('crl', {}, () => {
    crl = readCrlFile(bytes);
  });
  if (crl === undefined) return parsed;
  const known = crl;
  const facts = {
    issuer: known.issuer.text,
    crl_number: known.number < Number.MAX_SAFE_INTEGER ? Number(known.number) : known.number.toString(),
    this_update: toRfc3339(known.thisUpdate),
    next_update: toRfc3339(known.nextUpdate),
    revoked: known.size,
  };
  return verdictOf('crl', facts, () => {
    if (known.nextUpdate < context.now)
      throw new MeshError(
        'ERR_PATH_CRL',
        `a newer list was due at ${toRfc3339(known.nextUpdate)}`,
        'fetch the current one',
      );
    if (known.thisUpdate > context.now)
      throw new MeshError('ERR_PATH_CRL', `the list is of ${toRfc3339(known.thisUpdate)}`, 'check the clock');
    if (context.anchors.length === 0)
      throw new MeshError(
        'ERR_PATH_NO_ANCHOR',
        'nobody is named who would vouch for it',
        'give the trust anchor: --ca FILE',
      );
    const issuer = issuerOfCrl(known, [...context.anchors, ...context.others]);
    requirePath([issuer], { ...context, crls: [] });
  });
}

function verifyRequest({ text, bytes }: Recognised): FileVerdict {
  let csr: Csr | undefined;
  const parsed = verdictOf('csr', {}, () => {
    csr = parseCsr(text ?? encodePem('CERTIFICATE REQUEST', bytes));
  });
  if (csr === undefined) return parsed;
  return { ...parsed, algorithm: csr.algorithm, node_id: nodeIdOfSpki(csr.spki) };
}

/** The token is a secret and is not shown; whether the authority still takes it, only the authority knows. */
function verifyTicket({ text = '' }: Recognised, context: VerifyContext): FileVerdict {
  let ticket: Ticket | undefined;
  const parsed = verdictOf('ticket', {}, () => {
    ticket = parseTicket(text);
  });
  if (ticket === undefined) return parsed;
  const known = ticket;
  const { mesh, endpoint, expires_at, node_id, roles } = known;
  const facts = { mesh, endpoint, expires_at, ...(node_id && { node_id }), ...(roles && { roles }) };
  return verdictOf('ticket', facts, () => {
    parseMeshName(mesh);
    if (context.mesh !== undefined && mesh !== context.mesh)
      throw new MeshError('ERR_TICKET_REFUSED', `the ticket is for mesh ${mesh}`);
    if ((Date.parse(expires_at) as UnixMs) <= context.now)
      throw new MeshError('ERR_TICKET_REFUSED', `the ticket expired at ${expires_at}`);
    const [anchor] = parseCertificatesPem(known.trust_anchor) as [Certificate];
    if (!checkX509Signature(anchor.signatureAlgorithm, anchor.spki, anchor.tbs, anchor.signature))
      throw new MeshError('ERR_PATH_SIGNATURE', 'the trust anchor in the ticket did not sign itself');
    const isKnown = context.anchors.some(({ fingerprintHex }) => fingerprintHex === anchor.fingerprintHex);
    if (context.anchors.length > 0 && !isKnown)
      throw new MeshError('ERR_PATH_NO_ANCHOR', 'the trust anchor in the ticket is not the one given');
    requirePath([anchor], { ...context, anchors: [anchor], others: [], crls: [] });
  });
}

async function verifyRecords({ bytes }: Recognised): Promise<FileVerdict> {
  const checker = await openChecker();
  try {
    const { ok, checked, errors } = await verifyExport(checker, once(bytes), lanesOf());
    const [first] = errors;
    return verdictOf('export', { checked, errors }, () => {
      if (!ok) throw new MeshError(first?.code ?? 'ERR_RECORD_MALFORMED', `line ${first?.line ?? 0} does not hold`);
    });
  } finally {
    await checker.close();
  }
}

async function* once(bytes: Bytes): AsyncGenerator<Bytes> {
  yield bytes;
}
