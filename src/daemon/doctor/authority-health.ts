import { nodesResponseSchema } from '../../api/authority.ts';
import { errorEntry } from '../../base/error-codes.ts';
import { isMeshError } from '../../base/errors.ts';
import { toRfc3339, type UnixMs } from '../../base/time.ts';
import type { Secret } from '../../crypto/secret.ts';
import { controlSocketOf } from '../../host/http/control-socket.ts';
import { exchange, isNobodyThere } from '../../host/http/client.ts';
import { callJson, refusalOf } from '../../host/http/call.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';
import { authorityLayout, requireAuthorityDirectory } from '../directory.ts';
import { lookAtAuthorityStore } from '../authority/store.ts';
import { openKeys } from '../keys.ts';
import { checkRootKey, openIssuerKey, readIssuerCertificates } from '../authority/issuer-files.ts';
import { readPassphrase } from '../passphrase.ts';
import { bad, couldBeBetter, type Finding, good, lookAt } from './finding.ts';

/** What can be said of an authority: its files, its keys as far as there is a passphrase, and its process. */
export async function lookAtAuthorityDirectory(directory: string): Promise<readonly Finding[]> {
  const findings = await Promise.all([
    lookAt('authority', async () =>
      good('authority', await lookAtAuthorityStore(requireAuthorityDirectory(directory))),
    ),
    lookAt('issuer', () => {
      const { certificate } = readIssuerCertificates(requireAuthorityDirectory(directory));
      return judgeIssuer(certificate, systemClock.wall());
    }),
    lookAt('process', () => lookAtProcess(directory)),
  ]);
  return [...findings, ...(await lookAtKeys(directory))];
}

/** Whether anything can be signed now. */
export function judgeIssuer(
  { notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>,
  now: UnixMs,
): Finding {
  const span = `from ${toRfc3339(notBefore)} until ${toRfc3339(notAfter)}`;
  if (now < notBefore || now > notAfter)
    return bad(
      'issuer',
      `root and intermediate hold ${span}, and the clock shows ${toRfc3339(now)}`,
      'check the clock',
    );
  return good('issuer', `root and intermediate hold, until ${toRfc3339(notAfter)}`);
}

/** Issuing key and root key; the passphrase is asked for once. */
async function lookAtKeys(directory: string): Promise<readonly Finding[]> {
  const layout = authorityLayout(directory);
  let passphrase: Secret;
  try {
    passphrase = await readPassphrase({ directory, environment: process.env });
  } catch (error) {
    if (isMeshError(error) && error.code === 'ERR_PASSPHRASE_MISSING')
      return [couldBeBetter('keys', `not opened: ${error.message}`, errorEntry(error.code).hint ?? '')];
    return [
      await lookAt('keys', () => {
        throw error;
      }),
    ];
  }
  using opening = passphrase;
  return [
    await lookAt('keys', async () => {
      const keys = await openKeys(layout.keys, opening);
      await openIssuerKey(layout, keys);
      return good('keys', 'the passphrase opens the issuing key, and it is that of the intermediate');
    }),
    await lookAt('root key', async () => {
      const where = await checkRootKey(layout, opening);
      if (where !== undefined) return good('root key', `${where} opens, and is that of the root`);
      return good(
        'root key',
        `not in ${layout.root}: look that it is safe where it is kept, another issuing key needs it`,
      );
    }),
  ];
}

async function lookAtProcess(directory: string): Promise<Finding> {
  const socket = controlSocketOf(directory);
  try {
    const { status, body } = await exchange({ tag: 'socket', path: socket }, { method: 'GET', path: '/readyz' });
    if (status !== 200) {
      const { message, hint } = refusalOf({ status, body }, socket);
      return bad('process', `it runs and is not ready: ${message}`, hint ?? 'see its log');
    }
  } catch (error) {
    if (!isNobodyThere(error)) throw error;
    return couldBeBetter('process', 'no authority runs here', `chainmail authority run --dir ${directory}`);
  }
  const call = { method: 'GET', path: '/v1/nodes' } as const;
  const { nodes } = await callJson({ tag: 'socket', path: socket }, nodesResponseSchema, call);
  const active = nodes.filter(({ status }) => status === 'active').length;
  return good('process', `ready; ${active} of ${nodes.length} nodes hold a good certificate`);
}
