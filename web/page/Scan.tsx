import { useEffect, useRef, useState } from 'react';
import { vinOfCode } from '../model/vinFeedback.ts';
import { useTongue } from './context.ts';
import { Dialog } from './parts.tsx';
import { detectorMaker } from './scanning.ts';

const FORMATS = ['code_39', 'code_128', 'qr_code', 'data_matrix', 'pdf417'];
const INTERVAL_MILLISECONDS = 250;

type Props = {
  readonly onFound: (found: string) => void;
  readonly onClose: () => void;
  /** What of a code is looked for; by itself a VIN. */
  readonly find?: (text: string) => string | null;
  readonly lead?: string;
};

/** Reads a bar code or QR code in front of the camera. Nothing but what is looked for leaves this component. */
export function Scan({ onFound, onClose, find = vinOfCode, lead }: Props) {
  const { texts } = useTongue();
  const look = useRef(find);
  look.current = find;
  const video = useRef<HTMLVideoElement | null>(null);
  const found = useRef(onFound);
  const [failed, setFailed] = useState(false);
  found.current = onFound;

  useEffect(() => {
    let stream: MediaStream | null = null;
    let timer: ReturnType<typeof setInterval> | undefined;
    let over = false;
    const start = async (): Promise<void> => {
      const Maker = detectorMaker();
      if (Maker === null) throw new Error('no detector');
      const supported = await Maker.getSupportedFormats();
      const detector = new Maker({ formats: FORMATS.filter((format) => supported.includes(format)) });
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      if (over || video.current === null) return stop();
      video.current.srcObject = stream;
      await video.current.play();
      timer = setInterval(async () => {
        if (video.current === null) return;
        const codes = await detector.detect(video.current).catch(() => []);
        for (const { rawValue } of codes) {
          const wanted = look.current(rawValue);
          if (wanted !== null && !over) {
            over = true;
            found.current(wanted);
          }
        }
      }, INTERVAL_MILLISECONDS);
    };
    const stop = (): void => {
      over = true;
      clearInterval(timer);
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    start().catch(() => setFailed(true));
    return stop;
  }, []);

  return (
    <Dialog heading={texts.search.scan} onClose={onClose}>
      {failed ? (
        <p className="fault">{texts.search.scanFailed}</p>
      ) : (
        <>
          <p>{lead ?? texts.search.scanning}</p>
          <video ref={video} className="camera" playsInline muted />
        </>
      )}
    </Dialog>
  );
}
