import { Desk, type DeskProps } from '../acting/Desk.tsx';

export function Manufacturer(props: DeskProps) {
  return (
    <Desk desk="manufacturer" {...props}>
      {() => null}
    </Desk>
  );
}
