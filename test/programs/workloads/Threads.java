import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/** Answers each number with another; threads meanwhile throw, clone, compress and collect garbage, half of it in compiled code. */
public class Threads {
  static volatile Object last;

  static long steps(long number) {
    long sum = number;
    for (int i = 0; i < 50; i++) sum = (sum * 31 + i) % 1000003;
    return sum;
  }

  static long depth(int n) {
    if (n == 0) throw new IllegalStateException("deep");
    return depth(n - 1) + 1;
  }

  static void work() {
    byte[] text = "a line that is to be compressed\n".repeat(200).getBytes();
    CRC32 crc = new CRC32();
    crc.update(text);
    long wanted = crc.getValue();
    try {
      while (true) {
        Deflater deflater = new Deflater();
        deflater.setInput(text);
        deflater.finish();
        byte[] packed = new byte[text.length];
        int size = deflater.deflate(packed);
        deflater.end();
        Inflater inflater = new Inflater();
        inflater.setInput(packed, 0, size);
        byte[] unpacked = new byte[text.length];
        inflater.inflate(unpacked);
        inflater.end();
        crc.reset();
        crc.update(unpacked);
        if (crc.getValue() != wanted || steps(1) != steps(1)) System.exit(3);
        try {
          depth(40);
          System.exit(4);
        } catch (IllegalStateException expected) {
          last = expected.getStackTrace();
        }
        last = text.clone();
        last = ("interned " + System.nanoTime() % 100).intern();
        System.identityHashCode(new Object());
        Thread.yield();
        Thread.sleep(5);
      }
    } catch (Exception e) {
      e.printStackTrace();
      System.exit(5);
    }
  }

  public static void main(String[] args) throws Exception {
    for (int n = 0; n < 4; n++) {
      Thread thread = new Thread(Threads::work);
      thread.setDaemon(true);
      thread.start();
    }
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      System.out.println(steps(Long.parseLong(line.trim())));
      System.out.flush();
    }
  }
}
