import { existsSync } from 'node:fs';
import { isAuthorityDirectory, isNodeDirectory } from '../directory.ts';
import { lookAtAuthorityDirectory } from './authority-health.ts';
import { bad, couldBeBetter, type Finding } from './finding.ts';
import { lookAtDisk, lookAtMachine } from './machine.ts';
import { lookAtNode } from './node-health.ts';
import { lookAtSigningEngine } from './signing-engine.ts';

/** Looks at the machine, and at the authority or node of a directory where one is named. Changes nothing. */
export async function diagnose(directory: string | undefined): Promise<readonly Finding[]> {
  const machine = [...(await lookAtMachine()), await lookAtSigningEngine()];
  if (directory === undefined) return machine;
  return [...machine, ...(await lookAtDirectory(directory))];
}

async function lookAtDirectory(directory: string): Promise<readonly Finding[]> {
  if (!existsSync(directory)) return [bad('directory', `${directory} does not exist`, 'check --dir')];
  const disk = await lookAtDisk(directory);
  if (isAuthorityDirectory(directory)) return [disk, ...(await lookAtAuthorityDirectory(directory))];
  if (isNodeDirectory(directory)) return [disk, ...(await lookAtNode(directory))];
  return [
    disk,
    couldBeBetter(
      'directory',
      `${directory} holds neither an authority nor an enrolled node`,
      'check --dir, or enrol: chainmail node enroll',
    ),
  ];
}
