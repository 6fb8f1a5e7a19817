import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorityCore } from '../../src/authority/core.ts';
import { DELEGATES_LISTED_MAX, listDelegates } from '../../src/authority/delegates/delegates.ts';
import { listNodes, NODES_LISTED_MAX } from '../../src/authority/enrollment/nodes.ts';
import type { UnixMs } from '../../src/base/time.ts';
import type { NodeOverviewRow } from '../../src/ports/authority/nodes.ts';
import { type AuthorityStore, type AuthorityTransaction, PAGE_ROWS_MAX } from '../../src/ports/authority-store.ts';
import { authorityWorld, newToken } from '../support/mesh/authority-world.ts';

/** A store with more nodes than anybody has, of which it gives as many at once as it is asked for. */
function endlessNodes(): { readonly store: AuthorityStore; readonly pages: number[] } {
  const pages: number[] = [];
  let last = 0;
  const tx: Partial<AuthorityTransaction> = {
    listNodes: async (_after, limit) => {
      pages.push(limit);
      return Array.from({ length: limit }, () => {
        const newest = { serial: '01', notAfter: 2, roles: [], revokedAt: undefined };
        return { node: { nodeId: `n${last++}`, revokedAt: undefined }, newest, sighting: undefined };
      }) as unknown as readonly NodeOverviewRow[];
    },
  };
  const transact: AuthorityStore['transact'] = (work) => work(tx as AuthorityTransaction);
  return { store: { transact } as Partial<AuthorityStore> as AuthorityStore, pages };
}

test('so many nodes are listed, a page at a time', async () => {
  const { store, pages } = endlessNodes();
  assert.equal((await listNodes(store, 1 as UnixMs)).length, NODES_LISTED_MAX);
  assert.deepEqual(new Set(pages), new Set([PAGE_ROWS_MAX]));
  assert.equal(pages.length, NODES_LISTED_MAX / PAGE_ROWS_MAX);
});

test('so many delegates are listed', async () => {
  const tx: Partial<AuthorityTransaction> = {
    getMeta: async () => undefined,
    listBranches: async () => [],
    listDelegates: async (limit) => Array.from({ length: limit }, () => ({})) as never,
    listWallets: async () => [],
  };
  const transact: AuthorityStore['transact'] = (work) => work(tx as AuthorityTransaction);
  const { delegates } = await listDelegates({ store: { transact } } as unknown as AuthorityCore);
  assert.equal(delegates.length, DELEGATES_LISTED_MAX);
});

test('so many tickets are listed, the newest', async () => {
  const { authority, clock } = await authorityWorld();
  for (let n = 0; n <= PAGE_ROWS_MAX; n++) {
    await newToken(authority, { usesMax: n + 1 });
    clock.pass(1);
  }
  const uses = (await authority.listTickets()).map(({ row }) => row.usesMax);
  assert.deepEqual(
    uses,
    Array.from({ length: PAGE_ROWS_MAX }, (_, n) => PAGE_ROWS_MAX + 1 - n),
  );
});
