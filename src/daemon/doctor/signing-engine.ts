import { ENGINES, engineProblem } from '../../host/signer/engines/engines.ts';
import { couldBeBetter, type Finding, good } from './finding.ts';

/** What signs records on this machine, and what would make it faster. */
export async function lookAtSigningEngine(): Promise<Finding> {
  const name = 'record signing';
  let missed: string | undefined;
  for (const engine of ENGINES) {
    const problem = await engineProblem(engine);
    if (problem === undefined)
      return missed === undefined
        ? good(name, `engine ${engine}`)
        : couldBeBetter(name, `engine ${engine}; a faster one does not work here`, missed);
    missed ??= `${problem.message}; ${problem.hint ?? ''}`;
  }
  return couldBeBetter(name, 'no engine works here', missed ?? 'run npm ci again');
}
