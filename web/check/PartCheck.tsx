import type { DeskProps } from '../acting/Desk.tsx';

export function PartCheck({ id }: DeskProps) {
  return <p className="breakable">{id ?? ''}</p>;
}
