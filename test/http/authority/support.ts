import { createServer } from 'node:http';
import { systemClock } from '../../../src/host/system-clock.ts';
import type { Credential } from '../../../src/http/authority/credential.ts';
import { type AuthorityDeps, addAuthorityRoutes } from '../../../src/http/authority/routes.ts';
import { createHttpApp, type HttpApp, type HttpAppOptions } from '../../../src/http/server.ts';
import { authorityWorld, csrPem, newSigner, type WorldOptions } from '../../support/authority-world.ts';

export interface AppOptions extends WorldOptions {
  readonly rate?: HttpAppOptions['rate'];
  readonly enrollPerMinute?: number;
  readonly onUnexpected?: (error: unknown) => void;
}

/** An authority behind its HTTP interface, without a socket; `as` says who the next request comes from. */
export async function authorityApp(options: AppOptions = {}) {
  const world = await authorityWorld(options);
  let credential: Credential = { tag: 'none' };
  const deps: AuthorityDeps = {
    authority: world.authority,
    endpoint: () => 'https://ca.test:8440',
    version: '1.2.3',
    now: () => systemClock.wall(),
    monotonic: () => world.clock.monotonic(),
    hosts: ['authority.depot', 'ca.test'],
    credentialOf: () => credential,
    enrollPerMinute: options.enrollPerMinute ?? 10_000,
    notReady: () => world.authority.whyNotReady(),
  };
  const { rate, onUnexpected = () => {} } = options;
  const app: HttpApp = await createHttpApp({ createServer, rate, onUnexpected });
  addAuthorityRoutes(app, deps);
  const admin = await world.authority.issueAdministrator('alice', await csrPem(newSigner()), 'test');
  return {
    ...world,
    app,
    administrator: { tag: 'certificate', chain: [admin.der, world.issuer.certificate.der] } as Credential,
    as: (next: Credential): void => {
      credential = next;
    },
  };
}

export const NOBODY: Credential = { tag: 'none' };
export const LOCAL: Credential = { tag: 'local' };
