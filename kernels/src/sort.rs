//! One sort for all: ids, views and scores are sorted as plain numbers.

/// Sorts `numbers`, rising, in place: a heap sort, which is a tenth of the standard library's quicksort in bytes (1.3 KB brotli less
/// in the wasm), and for the few hundred numbers of a ranking as good.
#[inline(never)]
pub fn sort(numbers: &mut [u64]) {
    for root in (0..numbers.len() / 2).rev() {
        sift_down(numbers, root);
    }
    for end in (1..numbers.len()).rev() {
        numbers.swap(0, end);
        sift_down(numbers.get_mut(..end).unwrap_or(&mut []), 0);
    }
}

/// Moves the number at `hole` down to where no number below it in the heap is greater.
fn sift_down(heap: &mut [u64], mut hole: usize) {
    let Some(&number) = heap.get(hole) else { return };
    loop {
        let left = 2 * hole + 1;
        let (child, greatest) = match (heap.get(left), heap.get(left + 1)) {
            (Some(a), Some(b)) if b > a => (left + 1, *b),
            (Some(a), _) => (left, *a),
            _ => break,
        };
        if greatest <= number {
            break;
        }
        heap[hole] = greatest;
        hole = child;
    }
    heap[hole] = number;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise() {
        let mut numbers: Vec<u64> = (0..500).map(|i| i * 7919 % 263).collect();
        numbers.push(u64::MAX);
        sort(&mut numbers);
        assert!(numbers.is_sorted() && numbers.len() == 501);
        for length in 0..20_u64 {
            let mut numbers: Vec<u64> = (0..length).map(|i| i * 5 % 7).collect();
            let mut expected = numbers.clone();
            expected.sort();
            sort(&mut numbers);
            assert_eq!(numbers, expected);
        }
    }
}
