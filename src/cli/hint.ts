/** Whose directory a command's `--dir` is. */
type Owner = 'authority' | 'node' | 'signer';

const OWNERS: Readonly<Record<string, Owner>> = {
  authority: 'authority',
  nodes: 'authority',
  ticket: 'authority',
  admin: 'authority',
  delegate: 'authority',
  audit: 'authority',
  revoke: 'authority',
  key: 'authority',
  node: 'node',
  status: 'node',
  peers: 'node',
  records: 'node',
  indicators: 'node',
  publish: 'node',
  watch: 'node',
  signer: 'signer',
};

/**
 * Puts the directory that a command was given into the commands of a hint that say `--dir DIR`. Those for a directory of
 * another kind stay as they are: an authority's hint that reaches a node is for whoever runs the authority.
 *
 * @param command the first word after `chainmail` of the command that was refused.
 */
export function fillDirectory(hint: string, command: string, directory: string | undefined): string {
  const owner = OWNERS[command];
  if (directory === undefined || owner === undefined) return hint;
  return hint.replaceAll(/chainmail ([a-z]+)[^:;]*?--dir DIR\b/g, (text, word: string) =>
    OWNERS[word] === owner ? text.replace(/DIR$/, shellWord(directory)) : text,
  );
}

function shellWord(text: string): string {
  return /^[\w./@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
