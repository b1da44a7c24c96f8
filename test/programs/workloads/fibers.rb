# Answers each number with another, which fibers compute that wait for each other; two threads meanwhile keep the interpreter busy.
$stdout.sync = true

def steps(number)
  Fiber.new do
    sum = number
    50.times do |i|
      sum = (sum * 31 + i) % 1_000_003
      Fiber.yield sum
    end
    raise IndexError, sum.to_s
  end
end

2.times do
  Thread.new do
    loop do
      text = (1..200).map { |n| "#{n}-#{n * n}" }.join(",")
      abort "a wrong sum" unless text.split(",").sum { |part| part.split("-")[0].to_i } == 20_100
      sleep 0.01
    end
  end
end

# each goes one step further with every twentieth line: suspended in patched code, it goes on when that is undone, and the other way round
sleeping = Array.new(20) { |n| steps(n).tap(&:resume) }
turn = 0

while (line = gets)
  fibers = Array.new(8) { steps(line.to_i) }
  50.times { fibers.each(&:resume) }
  sums = fibers.map do |fiber|
    fiber.resume
  rescue IndexError => e
    e.message.to_i
  end
  turn += 1
  sleeper = sleeping[turn % 20]
  begin
    sleeper.resume
  rescue IndexError
    sleeping[turn % 20] = steps(turn).tap(&:resume)
  end
  abort "fibers do not agree" unless sums.uniq.size == 1 && sleeping.all?(&:alive?)
  puts sums.first
end
