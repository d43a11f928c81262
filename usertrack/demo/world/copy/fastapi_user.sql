-- Most accounts have one row; some a second that was never used, and some that never came back have none.
SELECT backend_id + second, id, created_at + toIntervalSecond(2 + second * 40)
FROM world.accounts ARRAY JOIN multiIf(n % 200 != 150 AND unit(n, 'two backends') < 0.02, [0, 1], persona = 'never_activated' AND unit(n, 'no backend') < 0.1, [], [0]) AS second
ORDER BY ALL
