use super::*;
use proptest::prelude::*;

fn labels(pairs: &[(&str, &str)]) -> Vec<Label> {
    pairs.iter().map(|(l, v)| (l.as_bytes().into(), v.as_bytes().into())).collect()
}

/// Series 1 to 4 as in the comparison with Redis Stack that settled these answers.
fn index() -> LabelIndex {
    let mut index = LabelIndex::default();
    index.insert(1, &labels(&[("a", "1"), ("b", "x")]));
    index.insert(2, &labels(&[("a", "2"), ("b", "x")]));
    index.insert(3, &labels(&[("a", "1")]));
    index.insert(4, &labels(&[("b", "y")]));
    index.insert(5, &labels(&[("c", "!q"), ("d", " q")]));
    index
}

fn ask(filters: &[&str]) -> Result<Vec<u32>, TsError> {
    Ok(index().query(&FilterSet::parse(filters)?).into_iter().collect())
}

#[test]
fn filters_select() {
    assert_eq!(ask(&["a=1"]), Ok(vec![1, 3]));
    assert_eq!(ask(&["a=(1,2)"]), Ok(vec![1, 2, 3]));
    assert_eq!(ask(&["a=1", "b="]), Ok(vec![3]));
    assert_eq!(ask(&["a=1", "b!="]), Ok(vec![1]));
    assert_eq!(ask(&["a=1", "b!=x"]), Ok(vec![3]));
    assert_eq!(ask(&["b=x", "a!=(1)"]), Ok(vec![2]));
    assert_eq!(ask(&["b=x", "a!=()"]), Ok(vec![1, 2]));
    assert_eq!(ask(&["a=()"]), Ok(vec![]));
    assert_eq!(ask(&["a=1", "a=2"]), Ok(vec![]));
    assert_eq!(ask(&["zz!=1", "a=1"]), Ok(vec![1, 3]));
    assert_eq!(ask(&["a==1"]), Ok(vec![1, 3]));
    assert_eq!(ask(&["a=1=2"]), Ok(vec![1, 3]));
    assert_eq!(ask(&["c=!q"]), Ok(vec![5]));
    assert_eq!(ask(&["d= q"]), Ok(vec![5]));
    assert_eq!(ask(&["a=( 1, 2)"]), Ok(vec![]));
}

#[test]
fn wrong_filters_are_refused() {
    for filter in
        ["a", "", "=", "!=", "a=(", "a=(1", "a=(1,,2)", "a=(,)", "a=(1,2)x", "a~1", "b=(y,)"]
    {
        assert_eq!(ask(&["a=1", filter]), Err(TsError::BadFilter), "{filter}");
    }
    for filter in ["a!=1", "a=", "a!=", "a!=(1,2)", "=1"] {
        assert_eq!(ask(&[filter]), Err(TsError::NoMatcher), "{filter}");
    }
}

#[test]
fn removed_series_leave_nothing_behind() {
    let mut index = LabelIndex::default();
    let own = labels(&[("a", "1"), ("a", "2"), ("b", "x")]);
    index.insert(7, &own);
    index.remove(7, &own);
    assert_eq!(index.labels().count(), 0);
    assert_eq!(index.memory(), 0);
}

fn some_labels() -> impl Strategy<Value = Vec<Label>> {
    let label = prop::sample::select(vec!["a", "b", "c"]);
    let value = prop::sample::select(vec!["1", "2", "3"]);
    prop::collection::vec((label, value), 0..4).prop_map(|pairs| labels(&pairs))
}

proptest! {
    #[test]
    fn the_index_agrees_with_a_scan(
        series in prop::collection::vec(some_labels(), 1..30),
        gone in prop::collection::vec(any::<bool>(), 30),
        filters in prop::collection::vec("[abc]!?=\\(?[123]?(,[123])?\\)?", 1..4),
    ) {
        let mut index = LabelIndex::default();
        for (id, own) in series.iter().enumerate() {
            index.insert(id as u32, own);
        }
        for (id, own) in series.iter().enumerate().filter(|(id, _)| gone[*id]) {
            index.remove(id as u32, own);
        }
        if let Ok(filters) = FilterSet::parse(&filters) {
            let expected: Vec<u32> = (0..series.len())
                .filter(|&id| !gone[id] && filters.accepts(&series[id]))
                .map(|id| id as u32)
                .collect();
            prop_assert_eq!(index.query(&filters).into_iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn any_filter_text_is_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = Filter::parse(&text);
    }
}
