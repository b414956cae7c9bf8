import { Desk, type DeskProps } from '../acting/Desk.tsx';

export function Supplier(props: DeskProps) {
  return (
    <Desk desk="supplier" {...props}>
      {() => null}
    </Desk>
  );
}
