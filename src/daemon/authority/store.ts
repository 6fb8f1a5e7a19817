import { SqliteAuthorityStore } from '../../host/sqlite/authority-store.ts';
import type { WhenMissing } from '../../host/sqlite/database.ts';
import type { AuthorityStore } from '../../ports/authority-store.ts';
import type { AuthorityLayout } from '../directory.ts';

/**
 * Opens the store of an authority. Here alone it is said what that is: an SQLite file.
 * @throws ERR_STATE_CORRUPT, ERR_STATE_FOREIGN, ERR_STORAGE
 */
export async function openAuthorityStore(
  { database }: AuthorityLayout,
  whenMissing: WhenMissing,
): Promise<AuthorityStore> {
  return SqliteAuthorityStore.open(database, whenMissing);
}

/**
 * Looks at the store from outside, whoever has it open. Changes nothing.
 * @returns for people: where it is.
 * @throws ERR_STATE_CORRUPT where there is none.
 */
export async function lookAtAuthorityStore({ database }: AuthorityLayout): Promise<string> {
  SqliteAuthorityStore.look(database);
  return database;
}
