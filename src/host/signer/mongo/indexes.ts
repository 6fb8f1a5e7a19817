import { type Collection, type IndexDescriptionInfo, MongoServerError } from 'mongodb';
import { DUPLICATE_KEY } from './transfer.ts';

/** There is no such collection yet. */
const NAMESPACE_NOT_FOUND = 26;
/** There is an index of the same members with other options, under this name or another. */
const INDEX_CONFLICTS: readonly unknown[] = [85, 86];

/**
 * Sees to it that a collection cannot hold an id twice. The indexes are looked at afterwards: a server may answer that all
 * is well where another program's index of the same members, not a unique one, is in the way.
 *
 * @param mayReplace take such an index away; the unique one does its work as well.
 * @returns false where an id is there twice, or the other index is in the way.
 */
export async function ensureUniqueIds(collection: Collection, mayReplace: boolean): Promise<boolean> {
  const before = await idIndexes(collection);
  if (before.some(({ unique }) => unique === true)) return true;
  if (mayReplace) for (const { name } of before) if (name !== undefined) await collection.dropIndex(name);
  try {
    await collection.createIndex({ id: 1 }, { unique: true });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (mayReplace && before.length > 0) await collection.createIndex({ id: 1 }); // as it was
    return false;
  }
  return (await idIndexes(collection)).some(({ unique }) => unique === true);
}

/** Indexes over the id of every document. */
async function idIndexes(collection: Collection): Promise<readonly IndexDescriptionInfo[]> {
  try {
    const all = await collection.indexes();
    return all.filter(
      ({ key, partialFilterExpression, sparse }) =>
        Object.keys(key).join() === 'id' && partialFilterExpression === undefined && sparse !== true,
    );
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NAMESPACE_NOT_FOUND) return [];
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof MongoServerError)) return false;
  return error.code === DUPLICATE_KEY || INDEX_CONFLICTS.includes(error.code) || /UNIQUE/.test(error.message);
}
