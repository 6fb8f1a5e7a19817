import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsIdentity } from '../../../src/host/tls/server-options.ts';
import { NodeProcess } from './node-process.ts';

/** A member that does not run: its certificate and key, in files and in memory. */
export interface Outsider {
  readonly nodeId: string;
  /** For `openssl s_client`. */
  readonly files: readonly string[];
  readonly tls: TlsIdentity;
}

/** Enrols members that do not run, each under a name of its own. */
export const outsiderOf =
  (folder: string, authorityDir: string) =>
  async (name: string): Promise<Outsider> => {
    const node = await NodeProcess.enroll(folder, name, authorityDir);
    const { nodeId, tls } = await node.identity();
    const [certFile, keyFile, issuers] = ['node.pem', 'exported.key', 'issuers.pem'].map((file) =>
      join(node.dir, file),
    ) as [string, string, string];
    writeFileSync(keyFile, tls.key, { mode: 0o600 });
    writeFileSync(issuers, tls.certificate.slice(tls.certificate.indexOf('-----BEGIN', 1)));
    return { nodeId, files: ['-cert', certFile, '-key', keyFile, '-cert_chain', issuers], tls };
  };
