<?php
// Answers each number with another, which fibers compute that wait for each other. Twenty more go one step further
// with every twentieth line: suspended in patched code, they go on when that is undone, and the other way round.
function steps(int $number): Fiber {
    return new Fiber(function () use ($number): int {
        $sum = $number;
        for ($i = 0; $i < 50; $i++) {
            $sum = ($sum * 31 + $i) % 1000003;
            Fiber::suspend($sum);
        }
        throw new RuntimeException((string) $sum);
    });
}

$sleeping = [];
for ($n = 0; $n < 20; $n++) {
    $sleeping[$n] = steps($n);
    $sleeping[$n]->start();
}

while (($line = fgets(STDIN)) !== false) {
    $fibers = array_map(fn () => steps((int) $line), range(0, 7));
    foreach ($fibers as $fiber) $fiber->start();
    for ($i = 1; $i < 50; $i++) foreach ($fibers as $fiber) $fiber->resume();
    $sums = [];
    foreach ($fibers as $fiber) {
        try {
            $fiber->resume();
        } catch (RuntimeException $e) {
            $sums[] = (int) $e->getMessage();
        }
    }
    $turn = ($turn ?? 0) + 1;
    try {
        $sleeping[$turn % 20]->resume();
    } catch (RuntimeException) {
        $sleeping[$turn % 20] = steps($turn);
        $sleeping[$turn % 20]->start();
    }
    $words = explode(',', implode(',', range(1, 300)));
    if (count(array_unique($sums)) !== 1 || array_sum($words) !== 45150 || !$sleeping[7]->isSuspended()) exit("wrong\n");
    echo $sums[0], "\n";
}
