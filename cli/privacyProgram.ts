import type { Command } from 'commander';
import type { MakeAction } from './program.ts';

export function addPrivacy(_program: Command, _action: MakeAction): void {}
