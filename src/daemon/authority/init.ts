import { chmodSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Authority } from '../../authority/authority.ts';
import { chainPem } from '../../authority/issuer.ts';
import { POLICY_DEFAULTS } from '../../authority/policy.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import type { Secret } from '../../crypto/secret.ts';
import { MODE_PUBLIC, MODE_SECRET, writeFileAtomic } from '../../host/files/atomic-file.ts';
import { makeFolder } from '../../host/files/folder.ts';
import { lockDirectory } from '../../host/files/directory-lock.ts';
import { parseMeshName } from '../../identity/mesh-name.ts';
import { splitAddress } from '../../message/payloads/address.ts';
import { isDnsName } from '../../pki/x509/name/dns-name.ts';
import { AUTHORITY_LISTEN_DEFAULT, loadAuthorityConfig, renderAuthorityConfig } from './config.ts';
import { writeConfig } from '../config.ts';
import {
  type AuthorityLayout,
  authorityLayout,
  isAuthorityDirectory,
  makeDirectory,
  requireNoNode,
} from '../directory.ts';
import { formatDuration } from '../../base/duration.ts';
import { makeIssuer } from './issuer-files.ts';
import { openAuthorityStore } from './store.ts';
import { makeAdministratorKey } from './administrator-key.ts';
import { authorityOf } from './open.ts';

/** Name of the administrator whose credential `init` writes. */
const FIRST_ADMINISTRATOR = 'admin';

export interface InitAuthorityOptions {
  readonly directory: string;
  readonly mesh: string;
  readonly passphrase: Secret;
  readonly certificateLifeMs?: number | undefined;
  readonly listen?: string | undefined;
  /** Host names and addresses, beside where it listens. Host names can be named only now. */
  readonly hosts?: readonly string[] | undefined;
}

/**
 * Makes a new authority: root, issuing key, store, the first administrator's credential, configuration. The
 * configuration is written last, so what was killed on the way is simply made again, with the keys that are there.
 *
 * @throws ERR_DIR_EXISTS where there is an authority already, or a node; ERR_MESH_NAME, ERR_CONFIG.
 */
export async function initAuthority(options: InitAuthorityOptions): Promise<AuthorityLayout> {
  const mesh = parseMeshName(options.mesh);
  const layout = authorityLayout(options.directory);
  const {
    listen = AUTHORITY_LISTEN_DEFAULT,
    hosts = [],
    certificateLifeMs = POLICY_DEFAULTS.certificateLifeMs,
  } = options;
  makeDirectory(layout.directory);
  const lock = lockDirectory(layout.directory);
  try {
    if (isAuthorityDirectory(layout.directory))
      throw new MeshError(
        'ERR_DIR_EXISTS',
        `there is an authority in ${quoted(layout.directory)} already`,
        'use it, or choose another --dir',
      );
    requireNoNode(layout.directory);
    const config = loadAuthorityConfig({
      directory: layout.directory,
      environment: {},
      flags: { mesh, listen, hosts, certificate_life: formatDuration(certificateLifeMs) },
    });
    const hostNames = hostNamesAmong([...hosts, splitAddress(config.listen, 0).host]);
    const issuer = await makeIssuer(layout, mesh, hostNames, options.passphrase);
    const store = await openAuthorityStore(layout, 'create');
    try {
      await writeAdministrator(await authorityOf(issuer, store, config), layout);
    } finally {
      await store.close();
    }
    writeConfig(layout.directory, renderAuthorityConfig({ mesh, listen, hosts, certificateLifeMs }));
    return layout;
  } finally {
    lock.release();
  }
}

async function writeAdministrator(authority: Authority, layout: AuthorityLayout): Promise<void> {
  const { csr, keyPem } = await makeAdministratorKey();
  const { der } = await authority.issueAdministrator(FIRST_ADMINISTRATOR, csr, 'local');
  makeFolder(layout.admin);
  chmodSync(layout.admin, 0o700);
  writeFileAtomic(layout.adminKey, keyPem, MODE_SECRET);
  writeFileAtomic(layout.adminCertificate, chainPem(authority.issuer, der), MODE_PUBLIC);
}

/** The host names among these; addresses need no permission in the issuing certificate. @throws ERR_CONFIG */
function hostNamesAmong(hosts: readonly string[]): readonly string[] {
  const names = hosts.filter((host) => isIP(host) === 0);
  const bad = names.find((name) => !isDnsName(name));
  if (bad !== undefined) throw new MeshError('ERR_CONFIG', `host ${quoted(bad)} is neither a DNS name nor an address`);
  return names;
}
