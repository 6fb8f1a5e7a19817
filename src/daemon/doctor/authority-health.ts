import { statSync } from 'node:fs';
import { nodesResponseSchema } from '../../api/authority.ts';
import { textOfUtf8 } from '../../base/bytes.ts';
import { toRfc3339 } from '../../base/time.ts';
import { AUTHORITY_DATABASE } from '../../host/authority-schema.ts';
import { controlSocketOf } from '../../host/control-socket.ts';
import { exchange, isNobodyThere } from '../../host/https-client.ts';
import { AuthorityDesk } from '../authority-desk.ts';
import { requireAuthorityDirectory } from '../directory.ts';
import { readIssuerCertificates } from '../issuer-files.ts';
import { bad, couldBeBetter, type Finding, good, lookAt } from './finding.ts';

/** What can be said of an authority without its passphrase: its files, and its process. */
export function lookAtAuthorityDirectory(directory: string): Promise<readonly Finding[]> {
  return Promise.all([
    lookAt('authority', () => {
      const { database } = requireAuthorityDirectory(directory);
      if (statSync(database, { throwIfNoEntry: false })?.size) return good('authority', database);
      return bad('authority', `${database} is missing or empty`, AUTHORITY_DATABASE.remedy);
    }),
    lookAt('issuer', () => {
      const { certificate } = readIssuerCertificates(requireAuthorityDirectory(directory));
      return good('issuer', `root and intermediate hold, until ${toRfc3339(certificate.notAfter)}`);
    }),
    lookAt('process', () => lookAtProcess(directory)),
  ]);
}

async function lookAtProcess(directory: string): Promise<Finding> {
  const socket = controlSocketOf(directory);
  try {
    const { status, body } = await exchange({ tag: 'socket', path: socket }, { method: 'GET', path: '/readyz' });
    if (status !== 200) return couldBeBetter('process', `it runs and is not ready: ${textOfUtf8(body)}`, 'see its log');
  } catch (error) {
    if (!isNobodyThere(error)) throw error;
    return couldBeBetter('process', 'no authority runs here', `chainmail authority run --dir ${directory}`);
  }
  const desk = new AuthorityDesk(true, async ({ method, path }) => {
    const answer = await exchange({ tag: 'socket', path: socket }, { method, path });
    return { status: answer.status, text: textOfUtf8(answer.body) };
  });
  const { nodes } = await desk.call(nodesResponseSchema, { method: 'GET', path: '/v1/nodes' });
  const active = nodes.filter(({ status }) => status === 'active').length;
  return good('process', `ready; ${active} of ${nodes.length} nodes hold a good certificate`);
}
